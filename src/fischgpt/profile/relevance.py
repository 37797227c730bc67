"""Does this passage answer this question? A small reader over the embedding model's token vectors.

Cosines say what a passage is about, not whether it holds the answer: "How much did the tower cost?" is close to every
line about the tower. So the question's and the passage's token vectors go together through two transformer layers,
which see what is asked (a sum, a name, a reason) and whether it stands there (a cross-encoder on frozen MiniLM states;
late interaction after ColBERT, Khattab and Zaharia 2020, arXiv 2004.12832). The logit of "none of these" is 0: a
question is answerable when a passage scores above it. Trained on made-up owners alone: train/relevance.py.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from fischgpt.profile.embed import DIMENSIONS, Reading
from fischgpt.resources import resource

WIDTH, HEADS, LAYERS = 128, 4, 2
QUESTION_TOKENS, PASSAGE_TOKENS = 48, 100
"""Tokens read of each: of 400 made-up owners the longest question has 37, the longest passage 87."""


@dataclass(frozen=True)
class Pair:
    """A question, a passage, and what the search found between them."""

    question: Reading
    passage: Reading
    cosine: float
    bm25: float


@dataclass(frozen=True)
class Batch:
    """B pairs, padded: `states` (B, T, 384), `part` (B, T) 1 question, 2 passage, `shared` (B, T) whether the token
    stands in both, `mask` (B, T), `found` (B, 2) cosine and BM25 at about the same scale."""

    states: Tensor
    part: Tensor
    shared: Tensor
    mask: Tensor
    found: Tensor


def collate(pairs: Sequence[Pair]) -> Batch:
    """The pairs as one batch."""
    questions = [pair.question.ids[:QUESTION_TOKENS] for pair in pairs]
    passages = [pair.passage.ids[:PASSAGE_TOKENS] for pair in pairs]
    T = max(len(a) + len(b) for a, b in zip(questions, passages, strict=True))
    states = np.zeros((len(pairs), T, DIMENSIONS), np.float32)
    part, shared = (np.zeros((len(pairs), T), np.int64) for _ in range(2))
    for row, (pair, a, b) in enumerate(zip(pairs, questions, passages, strict=True)):
        n, end = len(a), len(a) + len(b)
        states[row, :n], states[row, n:end] = pair.question.states[:n], pair.passage.states[: len(b)]
        part[row, :n], part[row, n:end] = 1, 2
        shared[row, :n], shared[row, n:end] = np.isin(a, b), np.isin(b, a)
    found = torch.tensor([(5 * (pair.cosine - 0.4), pair.bm25 / 4) for pair in pairs])
    return Batch(
        torch.from_numpy(states), torch.from_numpy(part), torch.from_numpy(shared), torch.from_numpy(part) > 0, found
    )


class Block(nn.Module):
    """Pre-LayerNorm self-attention and MLP over the tokens of both texts."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn, self.attn_proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc, self.fc_proj = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """x: (B, T, WIDTH); mask: (B, T), False where there is padding."""
        B, T, C = x.shape
        q, k, v = (part.view(B, T, HEADS, -1).transpose(1, 2) for part in self.attn(self.ln_1(x)).chunk(3, -1))
        # Written out: torch's fused attention took half of a training step's time here, with 80 tokens and heads of 32.
        weights = (q @ k.transpose(-1, -2) * (C // HEADS) ** -0.5).masked_fill(~mask[:, None, None], -1e4).softmax(-1)
        attended = (weights.to(v.dtype) @ v).transpose(1, 2).reshape(B, T, C)
        x = x + drop_channels(self.attn_proj(attended), dropout)
        return x + drop_channels(self.fc_proj(nn.functional.gelu(self.fc(self.ln_2(x)))), dropout)


class Relevance(nn.Module):
    """The reader: 316,164 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_in, self.proj = nn.LayerNorm(DIMENSIONS), nn.Linear(DIMENSIONS, WIDTH)
        self.verdict = nn.Parameter(torch.zeros(WIDTH))
        self.part, self.shared = nn.Embedding(3, WIDTH), nn.Embedding(2, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.ln_out, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1)
        self.found = nn.Linear(2, 1)
        nn.init.constant_(self.found.weight, 1.0)

    def forward(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """(B,) logits that the passage answers the question, against "none of these" at 0."""
        x = self.proj(drop_channels(self.ln_in(batch.states), dropout))
        x = x + self.part(batch.part) + self.shared(batch.shared)
        x = torch.cat([self.verdict.expand(len(x), 1, -1), x], dim=1)  # (B, 1 + T, WIDTH)
        mask = nn.functional.pad(batch.mask, (1, 0), value=True)
        for block in self.blocks:
            x = block(x, mask, dropout)
        return (self.out(self.ln_out(x[:, 0])) + self.found(batch.found))[:, 0]

    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """(N,) logits of the pairs, in their order."""
        return _alone().submit(self._score, pairs).result() if pairs else np.zeros(0, np.float32)

    @torch.inference_mode()
    def _score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        return self(collate(pairs)).numpy()


def drop_channels(x: Tensor, p: float) -> Tensor:
    """Dropout of whole channels of each row of (B, T, C): masks for every element cost an eighth of a training step."""
    return x * nn.functional.dropout(torch.ones(len(x), 1, x.size(-1)), p) if p else x


@lru_cache(maxsize=1)
def _alone() -> ThreadPoolExecutor:
    """A thread in which torch uses one core. 16 passages take 18 ms in it; with two cores of a busy machine they took
    440, because each of the many small operations waits for both."""
    others = torch.get_num_threads()
    thread = ThreadPoolExecutor(1, "relevance", initializer=torch.set_num_threads, initargs=(1,))
    thread.submit(int).result()
    torch.set_num_threads(others)  # what a thread sets is also what later threads begin with
    return thread


@lru_cache(maxsize=1)
def relevance() -> Relevance:
    """The shipped reader, loaded once. Raises FileNotFoundError or safetensors' errors when it is not whole."""
    reader = Relevance()
    reader.load_state_dict(
        {name: value.float() for name, value in load_file(resource("relevance/model.safetensors")).items()}
    )
    return reader.eval()
