"""What others reached at GPT-2's smallest shape: is my curve normal? Only figures whose source is known."""

from fischgpt.config import GPTConfig

HELLASWAG = ((25.0, "guessing: 25"), (29.55, "GPT-2 124M: 29.55"), (33.7, "GPT-3 125M: 33.7 (its paper's protocol)"))
"""In percent, beside `acc_norm_token`. GPT-2 by build-nanogpt's hellaswag.py, GPT-3 Small as its paper reports it
(Brown et al. 2020, https://arxiv.org/abs/2005.14165), after 300B tokens."""
VAL_LOSS = (
    (41.9e9, 2.9803, "original FischGPT: 2.980"),
    (10.26e9, 3.2722, "llm.c, FineWeb: 3.272"),
)
"""(training tokens, validation loss, whose). FischGPT's on FineWeb-Edu's validation shard; llm.c's, of October 2024, on
FineWeb's, another text."""
GPT2_VAL_LOSS = (3.2924, "GPT-2 124M, untrained on it: 3.292")
"""OpenAI's weights on FineWeb-Edu's validation shard, as build-nanogpt measures them."""
SMALL = (12, 12, 768)


def is_gpt2_small(model: GPTConfig) -> bool:
    """Whether the figures above are of this shape and vocabulary: losses of other vocabularies do not compare."""
    return (model.n_layer, model.n_head, model.n_embd) == SMALL and 50_257 <= model.vocab_size <= 50_304
