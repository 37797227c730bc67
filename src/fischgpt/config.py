"""The typed recipe: one dataclass tree, read from TOML, overridden by `a.b=value`, written back resolved.

A recipe file describes a whole run. Its `[sft]` table holds only what fine-tuning changes: for the phase "sft" it is
laid over the rest, key by key, and then dropped, so both phases read the same typed tree.
"""

import difflib
import tomllib
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from fischgpt.errors import UserError
from fischgpt.resources import resource

Phase = Literal["pretrain", "sft"]
TrackerName = Literal["tensorboard", "wandb", "trackio"]
_strict = ConfigDict(extra="forbid")


@dataclass(config=_strict, kw_only=True, frozen=True)
class GPTConfig:
    """The shape of a GPT-2. Defaults are GPT-2 124M with the vocabulary padded to a multiple of 64."""

    n_layer: int = Field(12, ge=1)
    n_head: int = Field(12, ge=1)
    n_embd: int = Field(768, ge=1)
    block_size: int = Field(1024, ge=1)
    """Longest context in tokens: the number of learned positions."""
    vocab_size: int = Field(50304, ge=1)
    """Rows of the embedding, padding included."""

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not divisible by n_head {self.n_head}")


@dataclass(config=_strict, kw_only=True)
class TokenizerConfig:
    """Which vocabulary the run uses."""

    kind: Literal["gpt2", "bpe"] = "gpt2"
    """`gpt2`: the shipped GPT-2 vocabulary; `bpe`: a byte-level BPE trained on the corpus."""
    vocab_size: int = Field(4096, ge=260)
    """For `bpe`: ids in all, the four control tokens included."""
    train_characters: int = Field(20_000_000, ge=1)
    """For `bpe`: how much of the corpus the vocabulary is trained on."""


@dataclass(config=_strict, kw_only=True)
class DataConfig:
    """What is learned from, and how it is cut into rows."""

    sources: list[str] = Field(default_factory=list)
    """Names of public packages (data/packages.py), data sets on the Hub (`fineweb-edu-10BT`, `hf:owner/name/path`), or
    paths of text, JSONL or parquet files and folders. For fine-tuning: `grounded`, `oasst1`, or conversation files.
    `name:500` takes the first 500, `name*2` takes them twice."""
    folder: str | None = None
    """Where the shards live, for runs that share them; the run's own `data` folder if not given."""
    keep_downloads: bool = False
    """Keep the Hub's files after they are tokenized (FineWeb-Edu's 10BT: 28 GB)."""
    workers: int | None = Field(None, ge=1)
    """Processes that tokenize; all cores if not given. The shards are the same whatever their number."""
    row_tokens: int | None = Field(None, ge=8)
    """Tokens in a row; the model's block_size if not given."""
    document_mask: bool = False
    """Pretraining: documents in a row see only themselves and start at position 0. No gain was measured for it."""
    pack: bool | None = None
    """Fine-tuning: several conversations to a row of row_tokens, each seeing only itself. On a GPU if not given."""
    shard_tokens: int = Field(10_000_000, ge=1024)
    val_fraction: float = Field(0.01, gt=0, lt=0.5)
    """Share of the documents held out for validation."""
    seed: int = 0


@dataclass(config=_strict, kw_only=True)
class TrainConfig:
    """The loop."""

    steps: int = Field(1000, ge=1)
    tokens_per_step: int = Field(32_768, ge=8)
    """Tokens in one optimizer step, over all micro-batches."""
    micro_batch: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Rows that go through the model at once; `auto`: as many as fit into the memory."""
    seed: int = 1337
    eval_every: int = Field(250, ge=1)
    sample_every: int = Field(500, ge=1)
    checkpoint_every: int = Field(500, ge=1)
    keep_last: int = Field(2, ge=2)
    """Checkpoints kept. Two at least: should the newest be damaged, the run goes on from the one before."""
    log_every: int = Field(10, ge=1)
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the forward pass. `auto`: bfloat16 where the processor does it faster than float32."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """`auto`: the GPUs if there are any, else the processor. `mps` is a Mac's GPU."""
    compile: bool = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """Under torchrun: the whole model on every GPU, or (fsdp) weights and optimizer state in parts."""
    trackers: list[TrackerName] = Field(default_factory=list)
    """Where numbers go besides metrics.jsonl (train/trackers.py)."""
    deterministic: bool = False
    """The same bits on 1, 2, 4, ... processes, at the cost of speed and memory (train/parallel.py)."""
    init: str | None = None
    """Start from these weights (a run, a checkpoint or a folder); sft: the run's own pretraining if not given."""
    copy_init: bool = False
    """Start from random weights with the circuit in place that copies from earlier text (train/copying.py)."""


@dataclass(config=_strict, kw_only=True)
class OptimConfig:
    """Optimizer and schedule: linear warm-up, then cosine, or constant with a linear decay at the end (wsd)."""

    kind: Literal["adamw", "muon"] = "adamw"
    """`muon`: the matrices of the blocks by Muon, with updates scaled to AdamW's size so that both share `lr`."""
    lr: float = Field(6e-4, gt=0)
    min_lr_fraction: float = Field(0.1, ge=0, le=1)
    schedule: Literal["cosine", "wsd"] = "cosine"
    warmup_steps: int = Field(100, ge=0)
    decay_fraction: float = Field(0.3, ge=0, le=1)
    """wsd: the last share of the steps over which the rate falls."""
    weight_decay: float = Field(0.1, ge=0)
    """On the matrices of the blocks."""
    decay_embeddings: bool = False
    """Weight decay on the embeddings too, as GPT-2's and nanoGPT's recipes have it."""
    embedding_lr_scale: float = Field(1.0, gt=0)
    """The embeddings learn at this multiple of the rate."""
    momentum: float = Field(0.95, ge=0, lt=1)
    """Of Muon; it starts at 0.85."""
    momentum_warmup_steps: int = Field(300, ge=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    eps: float = Field(1e-8, gt=0)
    grad_clip: float = Field(1.0, gt=0)


@dataclass(config=_strict, kw_only=True)
class EvalConfig:
    """What is measured on the way."""

    val_tokens: int = Field(262_144, ge=8)
    """Tokens of the fixed validation set that every evaluation reads."""
    prompts: list[str] = Field(default_factory=lambda: ["The history of", "I went to the"])
    """Continued at every sampling, so that one sees the model learn."""
    sample_tokens: int = Field(48, ge=1)
    hellaswag_items: int = Field(0, ge=0)
    """Items of HellaSwag, spread evenly over the set; 0: none."""
    hellaswag_every: int = Field(0, ge=0)
    """Steps between two of these during pretraining; 0: only when `fischgpt eval` or the speedrun asks for it."""

    def __post_init__(self) -> None:
        if self.hellaswag_every and not self.hellaswag_items:
            raise ValueError("hellaswag_every is set, but hellaswag_items is 0; say how many items, 10042 are all")


@dataclass(config=_strict, kw_only=True)
class Recipe:
    """A complete run."""

    run: str
    """The run's folder. Starting a command again on an existing run continues it."""
    model: GPTConfig = Field(default_factory=GPTConfig)
    tokenizer: TokenizerConfig = Field(default_factory=TokenizerConfig)
    data: DataConfig = Field(default_factory=DataConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    optim: OptimConfig = Field(default_factory=OptimConfig)
    eval: EvalConfig = Field(default_factory=EvalConfig)


def load_recipe(name_or_path: str | Path, overrides: list[str] | None = None, phase: Phase = "pretrain") -> Recipe:
    """Read a recipe file (or a shipped one by its name, `nano`), overlay `[sft]` for that phase, apply `a.b=value`.

    Raises UserError with the nearest right key for an unknown one, and with key and value for a bad value.
    """
    path = _find(name_or_path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    sft = raw.pop("sft", {})
    _check_keys(raw, Recipe, str(path))
    _check_keys(sft, Recipe, f"{path} [sft]")
    if phase == "sft":
        raw = _overlay(raw, sft)
    for override in overrides or []:
        raw = _overlay(raw, _parse_override(override))
    try:
        return TypeAdapter(Recipe).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "recipe"
        given = "" if first["type"] == "missing" else f" (given: {first['input']!r})"
        raise UserError(f"{path}: {key}: {first['msg'].removeprefix('Value error, ')}{given}") from None


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write the resolved recipe as TOML; `load_recipe` reads it back equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(without_none(asdict(recipe))), encoding="utf-8")


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path
    shipped = sorted(file.stem for file in resource("recipes").glob("*.toml"))
    if str(name_or_path) in shipped:
        return resource(f"recipes/{name_or_path}.toml")
    raise UserError(f"no recipe {str(name_or_path)!r}: give a .toml file or one of {', '.join(shipped)}")


def _parse_override(override: str) -> dict[str, Any]:
    """`optim.lr=1e-3` -> {"optim": {"lr": 0.001}}; a value that is not TOML is taken as a string."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"{override!r} is not of the form key=value, for example train.steps=100")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    nested: Any = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    _check_keys(nested, Recipe, "override")
    return nested


def _check_keys(table: dict[str, Any], cls: Any, where: str, prefix: str = "") -> None:
    known = {field.name: field.type for field in fields(cls)}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise UserError(f"{where}: unknown key {prefix}{key}; {hint}")
        if is_dataclass(known[key]):
            if not isinstance(value, dict):
                raise UserError(f"{where}: {prefix}{key} is a table, not a value; set {prefix}{key}.KEY=value")
            _check_keys(value, known[key], where, f"{prefix}{key}.")


def _overlay(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        merged[key] = _overlay(merged[key], value) if isinstance(value, dict) and key in merged else value
    return merged


def without_none(tree: Any) -> Any:
    """What TOML can hold of a recipe: a key that is not set is left out."""
    if isinstance(tree, dict):
        return {key: without_none(value) for key, value in tree.items() if value is not None}
    return tree
