"""Shapes of models by their usual names."""

from fischgpt.config import GPTConfig

PRESETS = {
    "gpt2": GPTConfig(),
    "gpt2-medium": GPTConfig(n_layer=24, n_head=16, n_embd=1024),
    "gpt2-large": GPTConfig(n_layer=36, n_head=20, n_embd=1280),
    "gpt2-xl": GPTConfig(n_layer=48, n_head=25, n_embd=1600),
    "mini": GPTConfig(n_layer=6, n_head=5, n_embd=320, block_size=1024, vocab_size=4096),
    "nano": GPTConfig(n_layer=4, n_head=4, n_embd=192, block_size=512, vocab_size=4096),
}
