"""The network behind profile/relevance.py: MiniLM's upper three layers over the tokens of two texts; its export."""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fischgpt.profile.embed import DIMENSIONS
from fischgpt.profile.relevance import Batch, Pair, collate

HEADS, LAYERS = 12, 3
BERT_NAMES = (
    ("attn_proj", "attention.output.dense"), ("ln_1", "attention.output.LayerNorm"),
    ("fc", "intermediate.dense"), ("fc_proj", "output.dense"), ("ln_2", "output.LayerNorm"),
)  # fmt: skip
"""What the parts of `Layer` are called in BERT's weights; `attn` is its query, key and value."""


class Layer(nn.Module):
    """A layer of BERT: self-attention and MLP over the tokens of both texts, each followed by its LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        C = DIMENSIONS
        self.attn, self.attn_proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.fc, self.fc_proj = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)
        self.ln_1, self.ln_2 = nn.LayerNorm(C, eps=1e-12), nn.LayerNorm(C, eps=1e-12)

    def forward(self, x: Tensor, hidden: Tensor, dropout: float) -> Tensor:
        """x: (B, T, C); hidden: (B, 1, 1, T), True where there is padding."""
        B, T, C = x.shape
        q, k, v = (part.view(B, T, HEADS, C // HEADS).transpose(1, 2) for part in self.attn(x).chunk(3, -1))
        # Written out: torch's fused attention took half of a training step's time here, with 80 tokens and heads of 32.
        weights = (q @ k.transpose(-1, -2) * (C // HEADS) ** -0.5).masked_fill(hidden, -1e4).softmax(-1)
        attended = (weights.to(v.dtype) @ v).transpose(1, 2).reshape(B, T, C)
        x = self.ln_1(x + drop_channels(self.attn_proj(attended), dropout))
        return self.ln_2(x + drop_channels(self.fc_proj(nn.functional.gelu(self.fc(x))), dropout))


class Reader(nn.Module):
    """5.3M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.part_embedding, self.shared_embedding = nn.Embedding(3, DIMENSIONS), nn.Embedding(2, DIMENSIONS)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.out, self.found_weights = nn.Linear(DIMENSIONS, 1), nn.Linear(2, 1)
        for embedding in (self.part_embedding, self.shared_embedding):
            nn.init.zeros_(embedding.weight)
        nn.init.constant_(self.found_weights.weight, 1.0)

    def forward(self, states: Tensor, part: Tensor, shared: Tensor, found: Tensor, dropout: float = 0.0) -> Tensor:
        """(B,) logits that the passage answers the question, against "none of these" at 0. Inputs: those of `Batch`."""
        x = states + self.part_embedding(part) + self.shared_embedding(shared)
        hidden = (part == 0)[:, None, None]
        for layer in self.layers:
            x = layer(x, hidden, dropout)
        return (self.out(x[:, 0]) + self.found_weights(found))[:, 0]  # of the question's [CLS]

    def logits(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """(B,) logits of a batch."""
        return self(*(torch.from_numpy(value) for value in vars(batch).values()), dropout)

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """(N,) logits of the pairs, in their order, as `Relevance.score` gives them."""
        return self.logits(collate(pairs)).numpy()


def drop_channels(x: Tensor, p: float) -> Tensor:
    """Dropout of whole channels of each row of (B, T, C): masks for every element cost an eighth of a training step."""
    return x * nn.functional.dropout(torch.ones(len(x), 1, x.size(-1)), p) if p else x


def upper_half(minilm: dict[str, Tensor]) -> dict[str, Tensor]:
    """The last layers of BERT's weights (Hugging Face's names) under the names of `Reader`."""
    found: dict[str, Tensor] = {}
    for layer in range(LAYERS):
        theirs = f"encoder.layer.{layer + LAYERS}."
        for kind in ("weight", "bias"):
            qkv = [minilm[f"{theirs}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            found[f"layers.{layer}.attn.{kind}"] = torch.cat(qkv)
            for ours, name in BERT_NAMES:
                found[f"layers.{layer}.{ours}.{kind}"] = minilm[f"{theirs}{name}.{kind}"]
    return found


def export(reader: Reader, out: Path) -> None:
    """Write the reader as ONNX with int8 weights."""
    B, T = torch.export.Dim("B"), torch.export.Dim("T")
    example = (torch.zeros(2, 9, DIMENSIONS), torch.ones(2, 9).long(), torch.zeros(2, 9).long(), torch.zeros(2, 2))
    shapes = {"states": {0: B, 1: T}, "part": {0: B, 1: T}, "shared": {0: B, 1: T}, "found": {0: B}}
    onnx_int8(reader, example, shapes, ["logits"], out)


def onnx_int8(
    network: nn.Module, example: tuple[Tensor, ...], shapes: dict[str, dict[int, Any]], outputs: list[str], out: Path
) -> None:
    """Write a network as ONNX with int8 weights, one scale a column, activations quantized as they come.

    Weights keep to 7 bits (`reduce_range`): on processors without VNNI the products of 8 bits saturate
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
    """
    import onnx_ir
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = Path(folder) / "whole.onnx"
        torch.onnx.export(
            network.eval(), example, whole, dynamo=True, dynamic_shapes=shapes, external_data=False,
            input_names=list(shapes), output_names=outputs, verbose=False,
        )  # fmt: skip
        quantize_dynamic(whole, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        # The exporter writes to each node where in the source, on whose machine, it comes from.
        onnx_ir.save(ClearMetadataAndDocStringPass()(onnx_ir.load(out)).model, out)
