"""Export to GGUF, held against a real llama.cpp: same ids, same chats, same greedy tokens; whole or not there."""

import subprocess
import sys
from pathlib import Path

import gguf
import pytest
import torch

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.engine import Engine, SamplingParams
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.publish import gguf as export
from fischgpt.publish.gguf import export_gguf
from fischgpt.publish.llama_cpp import LlamaCpp
from fischgpt.tokenizer import CHAT_TEMPLATE, CONTROL, Tokenizer

TEXT = ["The ship sailed in 1851 from Nantucket, and nobody knew when it would come back. [1] [2]"] * 20
TURNS = [
    Turn("system", "[1] Sailed in 1851.\n[2] It came back (late)."),
    Turn("user", "When?"),
    Turn("assistant", "In 1851 [1]"),
    Turn("user", "And  from where?"),
]


@pytest.fixture(scope="module", params=["trained", "gpt2"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with opinions, on either vocabulary, padded beyond the ids in use."""
    folder = tmp_path_factory.mktemp(request.param) / "tiny"
    tok, vocab_size = (Tokenizer.gpt2(), 50304) if request.param == "gpt2" else (Tokenizer.train(TEXT, 300), 320)
    torch.manual_seed(3)
    gpt = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=64, block_size=192, vocab_size=vocab_size))
    with torch.no_grad():
        for name, parameter in gpt.named_parameters():
            parameter.mul_(5)
            if name.endswith("bias"):
                parameter.add_(0.1 * torch.randn_like(parameter))
        gpt.wte.weight[tok.n_vocab :] *= 10  # the padding shouts
    save_pretrained(gpt, folder, n_vocab=tok.n_vocab)
    tok.save(folder)
    return folder


def test_llama_cpp_ends_though_nothing_was_asked_of_it(model: Path, tmp_path: Path) -> None:
    """In a process of its own, which can be ended: one that hangs holds the interpreter's lock."""
    path = export_gguf(model, tmp_path / "out", "q8_0")
    script = f"""if True:
        from pathlib import Path
        from fischgpt.publish.llama_cpp import LlamaCpp
        for _ in range(20):
            with LlamaCpp(Path({str(path)!r})):
                pass
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120, capture_output=True)


@pytest.mark.parametrize("kind", ["f16", "q8_0", "q4_0"])
def test_llama_cpp_reads_chats_and_continues_as_we_do(model: Path, kind: export.GGUFType, tmp_path: Path) -> None:
    path = export_gguf(model, tmp_path / "out", kind)
    tok = Tokenizer.load(model)
    ids = chat.encode_prompt(tok, TURNS)
    with LlamaCpp(path) as theirs:
        assert theirs.encode_chat([{"role": turn.role, "content": turn.text} for turn in TURNS]) == ids
        for text in ("a <|user|> b <|endoftext|>", " 12  34\n\n5 [1]. [2](x)", "naïve 日本 🙂"):
            assert theirs.encode(text) == tok.encode(text)
        if kind == "f16":
            tokens = theirs.greedy(ids, 40)
            ours = Engine(load_pretrained(model), n_vocab=tok.n_vocab)
            assert tokens == [s.id for s in ours.generate(ids, SamplingParams(max_tokens=40))][: len(tokens)]
            assert len(set(tokens)) > 5  # or it repeats itself, and little was compared


def test_the_file_holds_the_ids_in_use_and_marks_the_control_tokens(model: Path, tmp_path: Path) -> None:
    path = export_gguf(model, tmp_path / "out", name="tiny-chat")
    tok = Tokenizer.load(model)
    reader = gguf.GGUFReader(path)
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    assert path.name == "tiny-chat-Q8_0.gguf"
    assert [i for i, kind in enumerate(kinds) if kind == gguf.TokenType.CONTROL] == list(tok.control_ids)
    assert reader.fields["tokenizer.ggml.tokens"].contents()[tok.eot :] == list(CONTROL)
    (table,) = (tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    assert list(table.shape) == [64, tok.n_vocab]
    modelfile = (path.parent / "Modelfile").read_text()
    assert modelfile.startswith(f"FROM ./{path.name}\n")
    assert all(f'PARAMETER stop "{marker}"' in modelfile for marker in CONTROL)


def test_a_shape_without_whole_blocks_is_stored_in_sixteen_bits(tmp_path: Path) -> None:
    tok = Tokenizer.train(TEXT, 300)
    save_pretrained(
        GPT(GPTConfig(n_layer=1, n_head=2, n_embd=40, block_size=128, vocab_size=304)), tmp_path / "odd", tok.n_vocab
    )
    tok.save(tmp_path / "odd")
    reader = gguf.GGUFReader(export_gguf(tmp_path / "odd", tmp_path / "out", "q4_0"))
    forms = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert forms["token_embd.weight"] == forms["blk.0.attn_qkv.weight"] == "F16"
    assert forms["blk.0.ffn_down.weight"] == "Q4_0"  # 160 wide


@pytest.mark.parametrize("model", ["trained"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "value", "said"),
    [
        ("chat_template", CHAT_TEMPLATE.replace("<|user|>", "<|system|>", 1), "conversation into other ids"),
        ("LN_EPS", 30.0, "continues with token"),
        ("control", (*CONTROL[:2], CONTROL[3], CONTROL[2]), "conversation into other ids"),
    ],
)
def test_what_llama_cpp_reads_otherwise_is_not_exported(
    model: Path, wrong: str, value: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(folder: Path) -> Tokenizer:
        tok = Tokenizer.load(folder)
        tok.__class__ = type("Other", (Tokenizer,), {"chat_template": CHAT_TEMPLATE})
        setattr(type(tok) if wrong == "chat_template" else tok, wrong, value)
        return tok

    if wrong == "LN_EPS":
        monkeypatch.setattr(export, wrong, value)
    else:
        monkeypatch.setattr(export, "load_tokenizer", other)
    with pytest.raises(UserError, match=said):
        export_gguf(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", ["trained"], indirect=True)
def test_a_damaged_write_is_found_without_llama_cpp(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export, "is_installed", lambda: False)
    write = export._write

    def damaged(path: Path, *args) -> GPT:
        stored = write(path, *args)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        return stored

    with monkeypatch.context() as patch, pytest.raises(UserError, match="does not hold"):
        patch.setattr(export, "_write", damaged)
        export_gguf(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    assert export_gguf(model, tmp_path / "out").is_file()
    assert "not run in llama.cpp" in capsys.readouterr().err
    with pytest.raises(UserError, match="not empty"):
        export_gguf(model, tmp_path / "out")
