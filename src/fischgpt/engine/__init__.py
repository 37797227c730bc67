"""Ids in, ids out: prefill and decode over a KV cache, and sampling. Knows neither text nor HTTP."""

from fischgpt.engine.answer import Allow, Sampled
from fischgpt.engine.batch import Batch
from fischgpt.engine.engine import Engine, Read
from fischgpt.engine.native import Bits
from fischgpt.engine.sampling import SamplingParams

__all__ = ["Allow", "Batch", "Bits", "Engine", "Read", "Sampled", "SamplingParams"]
