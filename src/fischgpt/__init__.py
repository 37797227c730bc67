"""FischGPT: train your own GPT-2, teach it to answer about its owner, and serve it."""

__version__ = "0.1.0"
