"""GPT-2 as an ONNX graph: token ids and a cache in, logits and a longer cache out.

Written node by node in plain ONNX, which every runtime has, so that the file holds what the network computes and
nothing else: 27 nodes a layer. Names are those that optimum and transformers.js give a decoder.
"""

import math
import re
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fischgpt.config import GPTConfig
from fischgpt.engine.native import quantize_rows
from fischgpt.model.gpt import GPT, LN_EPS

OnnxType = Literal["float32", "int8"]
Value = NDArray[Any] | list[int] | int | float
OPSET = 20
"""The first with Gelu; read by onnxruntime from 1.17 on."""
INPUT_IDS, KEEP, LOGITS = "input_ids", "num_logits_to_keep", "logits"


def past_name(layer: int, part: Literal["key", "value"]) -> str:
    """The input that holds a layer's keys or values of the tokens read before: (B, n_head, P, head_dim), P from 0."""
    return f"past_key_values.{layer}.{part}"


def present_name(layer: int, part: Literal["key", "value"]) -> str:
    """The output with those of this call behind them: (B, n_head, P + T, head_dim)."""
    return f"present.{layer}.{part}"


def build(model: GPT, n_vocab: int, dtype: OnnxType = "float32") -> onnx.ModelProto:
    """The graph, weights inside.

    Inputs: `input_ids` (B, T) int64, the tokens after those of the cache; the cache (`past_name`); and
    `num_logits_to_keep`, a scalar: after how many of the last tokens logits are wanted, 0 for all.
    Outputs: `logits` (B, T or so many, n_vocab), the longer cache (`present_name`). Rows of a batch have equal lengths.

    n_vocab: ids in use; the padding beyond has no logit. dtype: "int8": every matrix in 8 bits, as our engine has them.
    """
    return _Graph(model.config, n_vocab, dtype).build(model)


def _tensor(value: Value, name: str | None = None) -> onnx.TensorProto:
    """Python's numbers as ONNX has them: whole ones int64, others fp32."""
    if not isinstance(value, np.ndarray):
        value = np.array(value, np.float32 if isinstance(value, float) else np.int64)
    return numpy_helper.from_array(value.copy(order="C"), name)


def _linear8() -> onnx.FunctionProto:
    """A product in 8 bits as a function of the model, so that the graph has one node for it.

    It rounds as our engine does (engine/native/arithmetic.h): each token between its own lowest and highest value, so
    that a browser answers as the server does. onnxruntime's own way, one scale for all tokens of a call
    (DynamicQuantizeLinear), changes a prompt's logits by more, and MatMulNBits took 31 ms a token in a browser's WASM
    where this takes 15 (the 9M model, one thread).
    """
    lines = """
        low = ReduceMin(x, last)            low0 = Min(low, nothing)
        high = ReduceMax(x, last)           high0 = Max(high, nothing)
        range = Sub(high0, low0)            wide = Div(range, steps)
        step = Max(wide, tiny)              inverse = Reciprocal(step)
        lowest = Mul(low0, inverse)         below = Neg(lowest)           zero = Round(below)
        scaled = Mul(x, inverse)            whole = Round(scaled)         moved = Add(whole, zero)
        inside = Clip(moved, nothing, steps)
        bytes = Cast<UINT8>(inside)         product = MatMulInteger(bytes, weight)
        zero32 = Cast<INT32>(zero)          offset = Mul(zero32, sums)    sum = Sub(product, offset)
        float = Cast<FLOAT>(sum)            scale = Mul(step, scales)     y = Mul(float, scale)
    """
    return _function(lines, {"last": [-1], "nothing": 0.0, "steps": 255.0, "tiny": 1e-30})


def linear8_on_gpu() -> bytes:
    """The same function of operators that WebGPU has, in a ModelProto that holds nothing else: Round and MatMulInteger
    are missing there. A browser puts it in the place of the other (web/src/browser/exchange.ts).

    Whole numbers are rounded by adding 1.5 * 2^23, beyond which fp32 has no others, and taking it off again; they are
    multiplied in fp32, which is exact while no sum passes 2^24. Between 255 steps the zero falls on one of them, so
    without it the bytes are the same, but for a value that lies exactly between two. Each operator is a dispatch: 13.
    """
    lines = """
        low = ReduceMin(x, last)            low0 = Min(low, nothing)
        high = ReduceMax(x, last)           high0 = Max(high, tiny)
        range = Sub(high0, low0)            step = Div(range, steps)      inverse = Reciprocal(step)
        scaled = Mul(x, inverse)            large = Add(scaled, round)    whole = Sub(large, round)
        float = Cast<FLOAT>(weight)         product = MatMul(whole, float)
        scale = Mul(step, scales)           y = Mul(product, scale)
    """
    constants: dict[str, Value] = {"last": [-1], "nothing": 0.0, "steps": 255.0, "tiny": 255e-30, "round": 1.5 * 2**23}
    return onnx.ModelProto(functions=[_function(lines, constants)]).SerializeToString()


def _function(lines: str, constants: dict[str, Value]) -> onnx.FunctionProto:
    nodes = [helper.make_node("Constant", [], [name], value=_tensor(value)) for name, value in constants.items()]
    for out, op, kind, given in re.findall(r"(\w+) = (\w+)(?:<(\w+)>)?\((.*?)\)", lines):
        attributes: dict[str, Any] = {"to": TensorProto.DataType.Value(kind)} if kind else {}
        nodes.append(helper.make_node(op, given.split(", "), [out], **attributes))
    inputs = ["x", "weight", "sums", "scales"]
    return helper.make_function("fischgpt", "Linear8", inputs, ["y"], nodes, [helper.make_opsetid("", OPSET)])


_LINEAR8 = _linear8()
"""x (B, T, K), weight (K, N) int8, sums (N,) int32 of its columns, scales (N,) of its columns -> (B, T, N)."""


class _Graph:
    def __init__(self, config: GPTConfig, n_vocab: int, dtype: OnnxType) -> None:
        self.config, self.n_vocab, self.dtype = config, n_vocab, dtype
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}

    def build(self, model: GPT) -> onnx.ModelProto:
        config = self.config
        state = {name: value.detach().float().cpu().numpy() for name, value in model.state_dict().items()}
        self._wte = state["wte.weight"][: self.n_vocab]
        past = self.node("Gather", self.node("Shape", past_name(0, "key")), self.const("two", 2))
        total = self.node("Add", past, self._length())
        positions = self.node("Range", past, total, self.const("one", 1))  # (T,)
        # Token i of these sees the cache and these up to itself: (T, P + T) of 0 and -inf.
        keys = self.node("Range", self.const("zero", 0), total, "one")
        column = self.node("Unsqueeze", positions, self.const("last_axis", [-1]))
        future = self.node("Greater", keys, column)
        mask = self.node("Where", future, self.const("minus", -math.inf), self.const("plus", 0.0))
        x = self.node("Add", self._embed(), self.node("Gather", self.const("wpe", state["wpe.weight"]), positions))
        for layer in range(config.n_layer):
            own = {name.removeprefix(f"h.{layer}."): value for name, value in state.items()}
            x = self._block(layer, x, mask, own)
        keep = self.node("Unsqueeze", self.node("Neg", KEEP), "last_axis")
        # The axis is that of tokens; -0 is 0, from which on everything is kept.
        x = self.node("Slice", x, keep, self.const("end", [2**62]), self.const("axis", [1]))
        x = self._norm(x, "ln_f", state["ln_f.weight"], state["ln_f.bias"])
        self._product(x, "wte", self._wte, out=LOGITS)
        return self._model()

    def node(self, op: str, *inputs: str, out: str = "", domain: str = "", **attributes: Any) -> str:
        out = out or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], domain=domain, **attributes))
        return out

    def const(self, name: str, value: Value) -> str:
        self.weights[name] = _tensor(value, name)
        return name

    def _length(self) -> str:
        return self.node("Gather", self.node("Shape", INPUT_IDS), self.const("one", 1))

    def _embed(self) -> str:
        """(B, T, C): rows of the table that is also the head, stored once."""
        if self.dtype == "float32":
            return self.node("Gather", self.const("wte", self._wte), INPUT_IDS)
        whole, scale = quantize_rows(torch.from_numpy(self._wte))
        columns = self.node("Gather", self.const("wte", whole.T), INPUT_IDS, axis=1)  # (C, B, T)
        rows = self.node("Cast", self.node("Transpose", columns, perm=[1, 2, 0]), to=TensorProto.FLOAT)
        scales = self.node("Gather", self.const("wte.scales", scale), INPUT_IDS)
        return self.node("Mul", rows, self.node("Unsqueeze", scales, "last_axis"))

    def _block(self, layer: int, x: str, mask: str, own: dict[str, NDArray[np.float32]]) -> str:
        def linear(y: str, name: str) -> str:
            return self._product(y, f"h.{layer}.{name}", own[f"{name}.weight"], own[f"{name}.bias"])

        def norm(y: str, name: str) -> str:
            return self._norm(y, f"h.{layer}.{name}", own[f"{name}.weight"], own[f"{name}.bias"])

        x = self.node("Add", x, linear(self._attention(layer, linear(norm(x, "ln_1"), "attn.c_attn"), mask),
                                       "attn.c_proj"))  # fmt: skip
        hidden = self.node("Gelu", linear(norm(x, "ln_2"), "mlp.c_fc"), approximate="tanh")
        return self.node("Add", x, linear(hidden, "mlp.c_proj"))

    def _attention(self, layer: int, qkv: str, mask: str) -> str:
        """qkv: (B, T, 3 C); what the heads gather, (B, T, C)."""
        n_head, C = self.config.n_head, self.config.n_embd
        split = self.const("heads", [0, 0, 3 * n_head, C // n_head])
        heads = self.node("Transpose", self.node("Reshape", qkv, split), perm=[0, 2, 1, 3])  # (B, 3 n_head, T, D)
        q, k, v = (f"{part}_{layer}" for part in "qkv")
        self.nodes.append(helper.make_node("Split", [heads], [q, k, v], axis=1, num_outputs=3))
        k = self.node("Concat", past_name(layer, "key"), k, axis=2, out=present_name(layer, "key"))
        v = self.node("Concat", past_name(layer, "value"), v, axis=2, out=present_name(layer, "value"))
        q = self.node("Mul", q, self.const("scale", (C // n_head) ** -0.5))
        scores = self.node("MatMul", q, self.node("Transpose", k, perm=[0, 1, 3, 2]))  # (B, n_head, T, P + T)
        weights = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        heads = self.node("Transpose", self.node("MatMul", weights, v), perm=[0, 2, 1, 3])
        return self.node("Reshape", heads, self.const("joined", [0, 0, C]))

    def _norm(self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        weights = (self.const(f"{name}.weight", weight), self.const(f"{name}.bias", bias))
        return self.node("LayerNormalization", x, *weights, axis=-1, epsilon=LN_EPS)

    def _product(
        self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None, out: str = ""
    ) -> str:
        """x (B, T, K) times weight (N, K) transposed, plus bias."""
        if self.dtype == "int8":
            return self._eight_bit_product(x, name, weight, bias, out)
        if bias is None:  # the head: the table as it lies, no second copy
            return self.node("MatMul", x, self.node("Transpose", name, perm=[1, 0]), out=out)
        y = self.node("MatMul", x, self.const(f"{name}.weight", weight.T))
        return self.node("Add", y, self.const(f"{name}.bias", bias), out=out)

    def _eight_bit_product(
        self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None, out: str
    ) -> str:
        whole, scale = quantize_rows(torch.from_numpy(weight))
        given = [self.const(name, whole.T), self.const(f"{name}.sums", whole.sum(1, dtype=np.int32))]
        given.append(self.const(f"{name}.scales", scale))
        y = self.node(_LINEAR8.name, x, *given, out="" if bias is not None else out, domain=_LINEAR8.domain)
        return y if bias is None else self.node("Add", y, self.const(f"{name}.bias", bias), out=out)

    def _model(self) -> onnx.ModelProto:
        config = self.config
        heads, width = config.n_head, config.n_embd // config.n_head
        layers = range(config.n_layer)
        inputs = [
            helper.make_tensor_value_info(INPUT_IDS, TensorProto.INT64, ["B", "T"]),
            helper.make_tensor_value_info(KEEP, TensorProto.INT64, []),
        ]
        outputs = [helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["B", "kept", self.n_vocab])]
        for layer in layers:
            for part in ("key", "value"):
                shapes = ((past_name, "P", inputs), (present_name, "P + T", outputs))
                for name, length, where in shapes:
                    shape = ["B", heads, length, width]
                    where.append(helper.make_tensor_value_info(name(layer, part), TensorProto.FLOAT, shape))
        graph = helper.make_graph(self.nodes, "gpt2", inputs, outputs, list(self.weights.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        functions = [_LINEAR8] if self.dtype == "int8" else []
        opsets += [helper.make_opsetid(function.domain, 1) for function in functions]
        made = helper.make_model(
            graph, functions=functions, opset_imports=opsets, ir_version=10, producer_name="fischgpt"
        )
        onnx.checker.check_model(made)
        return made
