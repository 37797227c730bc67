"""Text <-> token ids: GPT-2's vocabulary (shipped, offline) or a byte-level BPE trained on a corpus.

Both run through tiktoken (13.6 MB/s on one core; Hugging Face tokenizers 1.6), and both are kept on disk as Hugging
Face's `tokenizer.json`, so that any checkpoint opens in transformers, llama.cpp and others with the same ids.

Text is always encoded with special tokens off: the characters `<|user|>` in somebody's text are just characters.
Control tokens come from `chat.py` alone, as ids.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tiktoken
import tokenizers
from tokenizers import pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from fischgpt.errors import UserError
from fischgpt.resources import resource

CONTROL = ("<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>")
"""The control tokens in the order of their ids, which follow the last rank: 50256..50259 for GPT-2."""

GPT2_SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"

# How text is cut before byte pairs are merged, twice: for tiktoken with possessive quantifiers, which keep a megabyte
# of spaces from exhausting the regex stack; for tokenizer.json in the plain form, which matches the same.
# GPT-2's own. tokenizer.json says "ByteLevel with its built-in pattern" for it.
_GPT2_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
# For trained vocabularies: a digit and a square bracket are always alone, so a number is copied digit by digit and the
# citation [12] is the same four tokens wherever it stands.
_BPE_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++|\p{N}|[\[\]]| ?[^\s\p{L}\p{N}\[\]]++|\s++$|\s+(?!\S)|\s"""
_BPE_PATTERN_JSON = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}|[\[\]]| ?[^\s\p{L}\p{N}\[\]]+|\s+(?!\S)|\s+"""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' and loop.first -%}{{ '<|system|>' + message['content'] }}"
    "{%- elif message['role'] == 'user' -%}{{ '<|user|>' + message['content'] }}"
    "{%- elif message['role'] == 'assistant' -%}{{ '<|assistant|>' }}"
    "{%- generation -%}{{ message['content'] + '<|endoftext|>' }}{%- endgeneration -%}"
    "{%- else -%}{{ raise_exception('Roles: system (first only), user, assistant; not ' + message['role']) }}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}"
)
"""The format of `chat.py` for other programs' benefit. Markers are literal, never built from a role's name."""


def _byte_characters() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte, as tokenizer.json spells tokens (`Ġ` for a space)."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


_CHARACTER_OF = _byte_characters()
_BYTE_OF = {character: byte for byte, character in _CHARACTER_OF.items()}


class Tokenizer:
    """A byte-level BPE vocabulary and the four control tokens. Make one with `gpt2`, `train` or `load`."""

    tags: tuple[str, ...] | None = None
    """None: the markers of a conversation's turns are control tokens. Otherwise they are these texts (tagged.py)."""

    def __init__(self, ranks: dict[bytes, int], pattern: str, control: tuple[str, ...] = CONTROL) -> None:
        self.ranks = ranks
        """The id of each token's bytes."""
        self.pattern = pattern
        """How text is cut before pairs are merged, for tiktoken."""
        self.control = control
        n_text = len(ranks)
        self.eot, self.user, self.assistant, self.system = range(n_text, n_text + len(CONTROL))
        self.n_vocab = n_text + len(control)
        self.control_ids = tuple(range(n_text, self.n_vocab))
        """Ids in use, control tokens included. A model's table may be padded beyond; such ids decode to nothing."""
        self._encoding = tiktoken.Encoding(
            "fischgpt",
            pat_str=pattern,
            mergeable_ranks=ranks,
            special_tokens=dict(zip(control, self.control_ids, strict=True)),
            explicit_n_vocab=self.n_vocab,
        )

    @classmethod
    def gpt2(cls) -> "Tokenizer":
        """GPT-2's 50,256 byte pairs, from the shipped file; control tokens 50256..50259."""
        raw = resource("gpt2.tiktoken").read_bytes()
        if hashlib.sha256(raw).hexdigest() != GPT2_SHA256:
            raise UserError("the shipped gpt2.tiktoken is damaged; install fischgpt again")
        lines = (line.split() for line in raw.splitlines() if line)
        return cls({base64.b64decode(token): int(rank) for token, rank in lines}, _GPT2_PATTERN)

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Tokenizer":
        """Learn a vocabulary of `vocab_size` ids, the 256 bytes and 4 control tokens included.

        A corpus too small to yield that many pairs gives a smaller one. Raises UserError below 260.
        """
        if vocab_size < 256 + len(CONTROL):
            raise UserError(f"a vocabulary needs at least {256 + len(CONTROL)} ids, not {vocab_size}")
        learner = tokenizers.Tokenizer(BPE())
        learner.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(tokenizers.Regex(_BPE_PATTERN_JSON), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        trainer = BpeTrainer(
            vocab_size=vocab_size - len(CONTROL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        learner.train_from_iterator(texts, trainer)
        # Ids are given in the order of merging, so they serve as tiktoken's ranks.
        ranks = {token_bytes(token): rank for token, rank in learner.get_vocab(with_added_tokens=False).items()}
        return cls(dict(sorted(ranks.items(), key=lambda item: item[1])), _BPE_PATTERN)

    def encode(self, text: str) -> list[int]:
        """Ids of the text; no control token ever, whatever the text says."""
        return self._encoding.encode_ordinary(text)

    def encode_array(self, text: str) -> np.ndarray:
        """`encode` as (N,) uint32, for text in bulk."""
        try:
            return self._encoding.encode_to_numpy(text, disallowed_special=())
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can hold: `encode` replaces it
            return np.array(self.encode(text), dtype=np.uint32)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts, on all cores."""
        return self._encoding.encode_ordinary_batch(list(texts), num_threads=os.cpu_count() or 1)

    def decode(self, ids: Iterable[int], keep_control: bool = False) -> str:
        """Text of the ids. Bytes that are no UTF-8 (a character cut in half) become U+FFFD."""
        return self.decode_bytes(ids, keep_control).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int], keep_control: bool = False) -> bytes:
        """Bytes of the ids. Control tokens are dropped unless asked for, ids of the padding always."""
        end = self.n_vocab if keep_control else self.eot
        return self._encoding.decode_bytes([i for i in ids if 0 <= i < end])

    @property
    def plain_pattern(self) -> str:
        """`pattern` for engines without possessive quantifiers."""
        return self.pattern.replace("++", "+")

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over pattern and ranks: equal exactly if all text encodes to equal ids."""
        digest = hashlib.sha256(self.pattern.encode())
        for token, rank in sorted(self.ranks.items(), key=lambda item: item[1]):
            digest.update(b"%d %s\n" % (rank, token.hex().encode()))
        return digest.hexdigest()

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, as transformers 4 and 5 read them."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(self._json, encoding="utf-8")
        config = {
            # By hand and not by save_pretrained: files saved by transformers 5 do not open in 4.57. Version 5's
            # GPT2Tokenizer brings its own pattern along, so only GPT-2's vocabulary may go by that name.
            "tokenizer_class": "GPT2Tokenizer" if self._is_gpt2_pattern else "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "add_bos_token": False,
            "bos_token": CONTROL[0],
            "eos_token": CONTROL[0],
            "unk_token": CONTROL[0],
            "pad_token": CONTROL[0],
            "additional_special_tokens": list(self.control[1:]),
            "clean_up_tokenization_spaces": False,
        }
        if self.chat_template is not None:
            config["chat_template"] = self.chat_template
        text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
        (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Read a `tokenizer.json`, or the one in a folder. Raises UserError for what this package did not write."""
        path = Path(path)
        path = path / "tokenizer.json" if path.is_dir() else path
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError:
            raise UserError(f"{path}: no such tokenizer") from None
        except ValueError:
            raise UserError(f"{path}: damaged: not JSON") from None
        try:
            ranks = {token_bytes(token): rank for token, rank in data["model"]["vocab"].items() if token not in CONTROL}
            control = tuple((added["content"], added["id"]) for added in data["added_tokens"])
            cutting = data["pre_tokenizer"]
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path}: not a byte-level BPE with the chat tokens {' '.join(CONTROL)}") from None
        n_text = len(ranks)
        if sorted(ranks.values()) != list(range(n_text)) or any(bytes([byte]) not in ranks for byte in range(256)):
            raise UserError(f"{path}: damaged: its vocabulary has gaps")
        if control != tuple(zip(CONTROL, range(n_text, n_text + len(CONTROL)), strict=True)):
            raise UserError(f"{path}: lacks the chat tokens {' '.join(CONTROL)} after its {n_text} text tokens")
        for pattern in (_GPT2_PATTERN, _BPE_PATTERN):
            if cutting == _pre_tokenizer(pattern):
                return cls(dict(sorted(ranks.items(), key=lambda item: item[1])), pattern)
        raise UserError(f"{path}: cuts text in a way this package does not know")

    @property
    def chat_template(self) -> str | None:
        """The format of `chat.py` for other programs' benefit; None if there is none."""
        return CHAT_TEMPLATE

    @property
    def _is_gpt2_pattern(self) -> bool:
        return self.pattern == _GPT2_PATTERN

    @cached_property
    def _json(self) -> str:
        control = zip(self.control, self.control_ids, strict=True)
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        data = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": i, "content": token, **flags} for token, i in control],
            "normalizer": None,
            "pre_tokenizer": _pre_tokenizer(self.pattern),
            "post_processor": {
                "type": "ByteLevel",
                "add_prefix_space": True,
                "trim_offsets": False,
                "use_regex": True,
            },
            "decoder": {
                "type": "ByteLevel",
                "add_prefix_space": True,
                "trim_offsets": True,
                "use_regex": True,
            },
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": "",
                "end_of_word_suffix": "",
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": True,  # as tiktoken: a piece that is a token is that token
                # <|endoftext|> stands in GPT-2's own vocabulary file too, and readers of vocab alone look for it.
                "vocab": {_spell(token): rank for token, rank in self.ranks.items()} | {CONTROL[0]: self.eot},
                "merges": [[_spell(left), _spell(right)] for left, right in _merges(self.ranks)],
            },
        }
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _pre_tokenizer(pattern: str) -> dict[str, Any]:
    """The `pre_tokenizer` of tokenizer.json that cuts as `pattern` does in tiktoken."""
    if pattern == _GPT2_PATTERN:
        return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    split = {
        "type": "Split",
        "pattern": {"Regex": _BPE_PATTERN_JSON},
        "behavior": "Isolated",
        "invert": False,
    }
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [split, bytes_]}


def _merges(ranks: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    """The pair that makes each token, in the order of ranks: merge the token's own bytes by all lower ranks.

    Those two pieces are also what stands in any longer text just before the token is made, because no merge crosses a
    token's edges; so these pairs and the ranks encode alike. A token that lower ranks do not bring down to two pieces
    is never made by merging, and gets no pair.
    """
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        pieces = [token[i : i + 1] for i in range(len(token))]
        while len(pieces) > 2:
            candidates = [ranks.get(left + right, rank) for left, right in pairwise(pieces)]
            lowest = min(candidates)
            if lowest >= rank:
                break
            at = candidates.index(lowest)
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
        if len(pieces) == 2:
            yield pieces[0], pieces[1]


def _spell(token: bytes) -> str:
    return "".join(_CHARACTER_OF[byte] for byte in token)


def token_bytes(spelling: str) -> bytes:
    """The bytes of a token as tokenizer.json and vocab.json spell it. Raises KeyError for what is no spelling."""
    return bytes(_BYTE_OF[character] for character in spelling)
