"""The network and nothing else."""

from fischgpt.model.gpt import GPT, KVCache
from fischgpt.model.weights import load_pretrained, save_pretrained

__all__ = ["GPT", "KVCache", "load_pretrained", "save_pretrained"]
