"""Ids in, ids out: prefill and decode over a KV cache, and sampling. Knows neither text nor HTTP."""

from fischgpt.engine.engine import Allow, Engine, Read, Sampled
from fischgpt.engine.native import Bits
from fischgpt.engine.sampling import SamplingParams

__all__ = ["Allow", "Bits", "Engine", "Read", "Sampled", "SamplingParams"]
