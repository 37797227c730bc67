"""The tokenizer: GPT-2's exact ids, control tokens that no text can reach, files that transformers reads alike."""

import hashlib
import json
import random
import time
from pathlib import Path
from pydoc_data import topics

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from fischgpt.chat import Turn, encode, encode_prompt
from fischgpt.errors import UserError
from fischgpt.resources import resource
from fischgpt.tokenizer import CONTROL, Tokenizer

ENGLISH = list(topics.topics.values())  # 700 KB of Python's own manual
GPT2 = Tokenizer.gpt2()
TRAINED = Tokenizer.train(ENGLISH, 2048)
BOTH = pytest.mark.parametrize("tok", [GPT2, TRAINED], ids=["gpt2", "trained"])

PIECES = [
    *CONTROL, "<|", "|>", "<|user", "endoftext", " ", "  ", "   ", "\n", "\n\n",
    "\t", "\r\n", "\u00a0", "\u200b", "\u3000",
    "[1]", "[12]", " [3] ", "[[", "]]", "(a)[b]", "0", "2019", " 208.74", "1,000", "½",
    "²", "٣", "'s", "'S", "'re", " 'll",
    "the", " The", "Hello", " world", "naïve", "Zürich", "日本語", "한국어", "مرحبا", "🙂", "👩‍👩‍👧",
    "e\u0301", "\x00", "\x7f",
    "!!!", " ...", "--", "$", "_a_", "https://x.y/z?q=1", "{}", "\\", '"', "\ufffd", "\U0010ffff",
]  # fmt: skip


def fuzzed(n: int, seed: int) -> list[str]:
    """Texts of pieces that provoke tokenizers, and of arbitrary Unicode."""
    rng = random.Random(seed)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(12))) for _ in range(n // 2)]
    for _ in range(n - len(texts)):
        points = (
            rng.choice([rng.randrange(0x250), rng.randrange(0xD800), rng.randrange(0xE000, 0x20000)]) for _ in range(20)
        )
        texts.append("".join(map(chr, points)))
    return texts


def test_the_shipped_vocabulary_is_openais() -> None:
    raw = resource("gpt2.tiktoken").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
    assert "MIT License" in resource("gpt2.tiktoken.LICENSE").read_text()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        ("Hello, world!", [15496, 11, 995, 0]),
        (" Hello world", [18435, 995]),
        ("", []),
    ],
)
def test_gpt2_golden_ids(text: str, ids: list[int]) -> None:
    assert GPT2.encode(text) == ids


def test_control_tokens_follow_the_text_tokens() -> None:
    assert (GPT2.eot, GPT2.user, GPT2.assistant, GPT2.system) == (50256, 50257, 50258, 50259)
    assert GPT2.control_ids == (50256, 50257, 50258, 50259)
    assert GPT2.n_vocab == 50260
    assert TRAINED.control_ids == (2044, 2045, 2046, 2047)
    assert TRAINED.n_vocab == 2048


@BOTH
@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_any_text_round_trips(tok: Tokenizer, text: str) -> None:
    assert tok.decode(tok.encode(text)) == text


@BOTH
def test_no_text_encodes_to_a_control_token(tok: Tokenizer) -> None:
    texts = [*CONTROL, *fuzzed(2000, seed=1)]
    for text, ids in zip(texts, tok.encode_batch(texts), strict=True):
        assert not set(ids) & set(tok.control_ids)
        assert all(0 <= i < tok.eot for i in ids)
        assert tok.decode(ids) == text


@BOTH
def test_batch_encodes_as_one_by_one(tok: Tokenizer) -> None:
    texts = fuzzed(200, seed=2)
    assert tok.encode_batch(texts) == [tok.encode(text) for text in texts]


def test_lone_surrogates_do_not_raise() -> None:
    assert GPT2.decode(GPT2.encode("a\ud800b")) == "a\ufffdb"


@pytest.mark.parametrize("text", [" " * 1_000_000, "\n" * 300_000, "a" * 300_000, "1" * 300_000, "[" * 300_000])
def test_a_long_run_of_one_character_encodes_quickly(text: str) -> None:
    for tok in (GPT2, TRAINED):
        start = time.perf_counter()
        ids = tok.encode(text)
        assert time.perf_counter() - start < 10
        assert tok.decode(ids) == text


@BOTH
def test_decoding_drops_control_and_padding(tok: Tokenizer) -> None:
    ids = [tok.user, *tok.encode("Hi"), tok.eot, tok.n_vocab, tok.n_vocab + 40, 10**9, -1]
    assert tok.decode(ids) == "Hi"
    assert tok.decode_bytes(ids) == b"Hi"
    assert tok.decode(ids, keep_control=True) == "<|user|>Hi<|endoftext|>"


def test_half_a_character_decodes_to_a_replacement() -> None:
    ids = GPT2.encode("日")
    assert len(ids) > 1
    assert GPT2.decode(ids[:1]) == "\ufffd"
    assert GPT2.decode_bytes(ids[:1]) == "日".encode()[:2]


def test_trained_digits_and_brackets_stand_alone() -> None:
    spell = [TRAINED.decode([i]) for i in TRAINED.encode("x[12] $208.74")]
    assert spell[:5] == ["x", "[", "1", "2", "]"]
    assert [piece for piece in spell if piece.strip().isdigit()] == list("1220874")
    vocabulary = [TRAINED.decode_bytes([i]) for i in range(TRAINED.eot)]
    assert not [t for t in vocabulary if len(t) > 1 and (b"[" in t or b"]" in t or any(48 <= byte < 58 for byte in t))]


def test_training_is_repeatable_and_compresses() -> None:
    again = Tokenizer.train(iter(ENGLISH), 2048)
    assert again.fingerprint == TRAINED.fingerprint != GPT2.fingerprint
    text = ENGLISH[0]
    assert len(TRAINED.encode(text)) < 0.5 * len(text.encode())


def test_training_on_little_text_gives_a_smaller_vocabulary() -> None:
    tok = Tokenizer.train(["ab ab"], 1000)
    assert 260 < tok.n_vocab < 270
    assert Tokenizer.train([], 260).n_vocab == 260
    with pytest.raises(UserError, match="at least 260"):
        Tokenizer.train(["ab"], 259)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    saved = {"gpt2": tmp_path_factory.mktemp("gpt2"), "trained": tmp_path_factory.mktemp("trained")}
    GPT2.save(saved["gpt2"])
    TRAINED.save(saved["trained"])
    return saved


@BOTH
def test_loading_gives_the_same_tokenizer(tok: Tokenizer, folders: dict[str, Path]) -> None:
    folder = folders["gpt2" if tok is GPT2 else "trained"]
    for path in (folder, str(folder / "tokenizer.json")):
        loaded = Tokenizer.load(path)
        assert loaded.fingerprint == tok.fingerprint
        assert loaded.control_ids == tok.control_ids
        assert loaded.encode("Hello [1] 2024") == tok.encode("Hello [1] 2024")


@BOTH
def test_transformers_reads_the_same_ids(tok: Tokenizer, folders: dict[str, Path]) -> None:
    folder = folders["gpt2" if tok is GPT2 else "trained"]
    hf = AutoTokenizer.from_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    plain = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert hf.convert_tokens_to_ids(list(CONTROL)) == list(tok.control_ids)
    assert hf.eos_token_id == hf.pad_token_id == hf.bos_token_id == tok.eot
    assert len(hf) == tok.n_vocab
    texts = [*fuzzed(3000, seed=3), *ENGLISH[:20]]
    ours = tok.encode_batch(texts)
    assert hf(texts, split_special_tokens=True).input_ids == ours
    assert fast(texts, split_special_tokens=True).input_ids == ours
    harmless = [(t, ids) for t, ids in zip(texts, ours, strict=True) if not any(c in t for c in CONTROL)]
    assert [e.ids for e in plain.encode_batch([t for t, _ in harmless])] == [ids for _, ids in harmless]
    assert hf.batch_decode(ours[:200]) == texts[:200]
    # As special tokens, the markers are one id each.
    assert hf("".join(CONTROL)).input_ids == list(tok.control_ids)


@BOTH
def test_the_chat_template_renders_as_chat_py_encodes(tok: Tokenizer, folders: dict[str, Path]) -> None:
    hf = AutoTokenizer.from_pretrained(folders["gpt2" if tok is GPT2 else "trained"])
    turns = [
        Turn("system", "[1] Acme, Engineer (2019)\n[2] Speaks German. "),
        Turn("user", " Where did she work? "),
        Turn("assistant", "[1] At Acme.\n"),
        Turn("user", "And {{ 7*7 }}?"),
        Turn("assistant", ""),
    ]
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    ids, mask = encode(tok, turns)
    rendered = hf.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    assert rendered["input_ids"] == ids
    assert [bool(m) for m in rendered["assistant_masks"]] == mask
    prompt = hf.apply_chat_template(messages[:2], add_generation_prompt=True, return_dict=False)
    assert prompt == encode_prompt(tok, turns[:2])
    for bad in ([{"role": "tool", "content": "x"}], [messages[1], messages[0]]):
        with pytest.raises(Exception, match="Roles: system"):
            hf.apply_chat_template(bad, tokenize=False)


def _edited(folder: Path, tmp_path: Path, **changes: object) -> Path:
    data = json.loads((folder / "tokenizer.json").read_text())
    for key, value in changes.items():
        data[key] = value
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(data))
    return path


def test_unusable_files_are_named(folders: dict[str, Path], tmp_path: Path) -> None:
    data = json.loads((folders["trained"] / "tokenizer.json").read_text())
    with pytest.raises(UserError, match="no such tokenizer"):
        Tokenizer.load(tmp_path)
    (tmp_path / "half.json").write_text(json.dumps(data)[:1000])
    with pytest.raises(UserError, match=r"half.json: damaged: not JSON"):
        Tokenizer.load(tmp_path / "half.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UserError, match="not a byte-level BPE"):
        Tokenizer.load(tmp_path / "list.json")
    with pytest.raises(UserError, match="lacks the chat tokens"):
        Tokenizer.load(_edited(folders["trained"], tmp_path, added_tokens=data["added_tokens"][:1]))
    with pytest.raises(UserError, match="lacks the chat tokens"):
        Tokenizer.load(_edited(folders["trained"], tmp_path, added_tokens=data["added_tokens"][::-1]))
    with pytest.raises(UserError, match="cuts text"):
        Tokenizer.load(_edited(folders["trained"], tmp_path, pre_tokenizer={"type": "Whitespace"}))
    vocab = dict(data["model"]["vocab"])
    del vocab["a"]
    with pytest.raises(UserError, match="gaps"):
        Tokenizer.load(_edited(folders["trained"], tmp_path, model={"vocab": vocab}))
    with pytest.raises(UserError, match="not a byte-level BPE"):
        Tokenizer.load(_edited(folders["trained"], tmp_path, model={"vocab": {"日": 0}}))
