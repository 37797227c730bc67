"""Ids in, ids out: prefill and decode over a KV cache, and sampling. Knows neither text nor HTTP."""

from fischgpt.engine.engine import Allow, Engine, Read, Sampled
from fischgpt.engine.sampling import SamplingParams

__all__ = ["Allow", "Engine", "Read", "Sampled", "SamplingParams"]
