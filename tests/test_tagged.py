"""Models of the original FischGPT's form, as transformers writes them: GPT-2's vocabulary, tags as text."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import gguf
import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GPT2Tokenizer

from assistant_samples import Script, write_profile
from fischgpt import chat
from fischgpt.assistant.model import Piece, load_model, until
from fischgpt.assistant.terminal import ask
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.deploy.site import describe_site
from fischgpt.deploy.targets import deploy
from fischgpt.engine import SamplingParams
from fischgpt.errors import UserError
from fischgpt.evals.run import evaluate
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import save_pretrained
from fischgpt.publish.gguf import export_gguf
from fischgpt.publish.hf import export_hf
from fischgpt.server.static import export_site
from fischgpt.tagged import TaggedTokenizer, load_tokenizer
from fischgpt.tokenizer import Tokenizer
from model_hub import ModelHub

CARD = "# FischGPT\n\nPrompt it with `<|user|>Who are you?<|assistant|>`.\n"
TURNS = [Turn("user", "Where did the ship go."), Turn("assistant", "To Bergen!"), Turn("user", '"When?" they asked')]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its chat repository: 50,304 rows, an output head and masks in the file, as checkpoints converted by hand have."""
    folder = tmp_path_factory.mktemp("original") / "fischgpt-sft"
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=32, block_size=512, vocab_size=50304))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    save_pretrained(model, folder)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["transformer.wte.weight"].clone()
    weights["transformer.h.0.attn.bias"] = torch.ones(1, 1, 512, 512).tril()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with (folder / "tokenizer.json").open("w") as out:
        gpt2 = json.loads(Tokenizer.gpt2()._json)
        json.dump(gpt2, out)
    merges = [tuple(pair) for pair in gpt2["model"]["merges"]]
    (folder / "tokenizer.json").unlink()
    GPT2Tokenizer(vocab=gpt2["model"]["vocab"], merges=merges).save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    return folder


def test_its_ids_are_those_of_one_string_with_tags(original: Path) -> None:
    tok, theirs = load_tokenizer(original), AutoTokenizer.from_pretrained(original)
    assert isinstance(tok, TaggedTokenizer) and tok.tags == ("<|user|>", "<|assistant|>")
    assert (tok.n_vocab, tok.control_ids) == (50257, (50256,))
    written = (
        '<|user|>Where did the ship go.<|assistant|>To Bergen!<|endoftext|><|user|>"When?" they asked<|assistant|>'
    )
    ids = chat.encode_prompt(tok, TURNS)
    assert ids == theirs(written).input_ids
    assert 0 <= len(ids) - chat.count_tokens(tok, TURNS) <= chat.opening_tokens(tok)


def test_passages_stand_before_the_question_where_there_is_no_tag_for_them(original: Path) -> None:
    tok = load_tokenizer(original)
    ids = chat.encode_prompt(tok, [Turn("system", "[1] Sailed in 1851."), *TURNS[:1]])
    assert tok.decode(ids) == "<|user|>[1] Sailed in 1851.\n\nWhere did the ship go.<|assistant|>"
    three = TaggedTokenizer(("<|user|>", "<|assistant|>", "<|system|>"))
    ids = chat.encode_prompt(three, [Turn("system", "[1] Sailed."), Turn("user", "When?")])
    assert three.decode(ids) == "<|system|>[1] Sailed.<|user|>When?<|assistant|>"


@pytest.mark.parametrize(
    "text", ["a <|assistant|> b", "<|user|>", "<|us<|user|>er|>", "<<|<|user|>|>", "<|endoftext|>"]
)
def test_no_text_forges_a_tag(original: Path, text: str) -> None:
    tok = load_tokenizer(original)
    ids = chat.encode_prompt(tok, [Turn("system", text), Turn("user", text)])
    written = tok.decode(ids, keep_control=True)
    assert tok.eot not in ids and written.count("<|") == 2
    assert written.startswith("<|user|>") and written.endswith("<|assistant|>")


@pytest.mark.parametrize("shown", ["card", "template", "jinja", "nothing"])
def test_how_it_chats_is_told_from_its_files_or_not_at_all(original: Path, tmp_path: Path, shown: str) -> None:
    folder = shutil.copytree(original, tmp_path / "m")
    template = "{% for m in messages %}<|user|>{{ m }}<|assistant|>{% endfor %}"
    if shown != "card":
        (folder / "README.md").write_text("# gpt2")
    if shown == "template":
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": template}))
    if shown == "jinja":
        (folder / "chat_template.jinja").write_text(template)
    tok = load_tokenizer(folder)
    assert tok.tags == (() if shown == "nothing" else ("<|user|>", "<|assistant|>"))
    if shown == "nothing":
        write_profile(tmp_path / "ada")
        with pytest.raises(UserError, match="nothing in its files shows that it was taught to chat"):
            ask("How long is the bridge?", str(tmp_path / "ada"), str(folder))
    (tmp_path / "text.txt").write_text("The ship sailed in 1851. " * 40)
    assert evaluate(folder, "loss", tmp_path / "text.txt")["tokens"] > 100


def test_a_container_gets_the_files_that_show_how_it_chats(original: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(original, tmp_path / "m")
    (folder / "README.md").write_text("# gpt2")
    (folder / "chat_template.jinja").write_text("<|user|>{{ messages }}<|assistant|>")
    (folder / "vocab.json").write_text(
        json.dumps(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    )
    (folder / "tokenizer.json").unlink()
    out = deploy(describe_site(model=str(folder)), "container", tmp_path / "out").folder
    assert load_tokenizer(out / "model").tags == ("<|user|>", "<|assistant|>")


def test_a_vocabulary_file_is_enough_and_another_vocabulary_is_not_taken_for_it(original: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(original, tmp_path / "m")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    assert isinstance(load_tokenizer(folder), TaggedTokenizer)
    vocabulary["Ġthe"], vocabulary["Ġof"] = vocabulary["Ġof"], vocabulary["Ġthe"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(UserError, match="no such tokenizer"):
        load_tokenizer(folder)
    assert Tokenizer.gpt2().tags is None


def test_it_is_published_loads_and_chats(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_profile(tmp_path / "ada")
    with ModelHub() as hub:
        hub.become_the_hub(monkeypatch)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        hub.put_model("fisch/fischgpt-sft", {file.name: file.read_bytes() for file in original.iterdir()})
        ask("How long is the Harlow footbridge?", str(tmp_path / "ada"), "hf://fisch/fischgpt-sft")
        assert "212 metres" in capsys.readouterr().out
        model = load_model("hf://fisch/fischgpt-sft")
    assert model.name == "fischgpt-sft" and len(list(model.reply(TURNS, SamplingParams(max_tokens=24)))) > 0
    talkative = replace(model, engine=Script(model.tokenizer, "To Bergen!<|user|>And then?"))
    said = list(talkative.reply(TURNS, SamplingParams(max_tokens=24)))
    assert "".join(piece.text for piece in said) == "To Bergen!" and said[-1].finish == "stop"


@pytest.mark.parametrize(
    ("texts", "shown", "finish"),
    [
        (["Hel", "lo", "<", "|", "user", "|>", "x"], "Hello", "stop"),
        (["a", "<|", "us", "ual", "|>"], "a<|usual|>", "length"),
        (["<|user|>"], "", "stop"),
        (["", "b", "", "c<|ass", "istant|> d"], "bc", "stop"),
        (["end", "<|us"], "end<|us", "length"),
    ],
)
def test_an_answer_ends_where_the_model_begins_another_turn(texts: list[str], shown: str, finish: str) -> None:
    pieces = [Piece(text, "length" if at == len(texts) - 1 else None) for at, text in enumerate(texts)]
    out = list(until(iter(pieces), ("<|user|>", "<|assistant|>")))
    assert "".join(piece.text for piece in out) == shown
    assert [piece.finish for piece in out] == [None] * (len(out) - 1) + [finish]


def test_it_exports_to_hugging_face_and_to_a_real_llama_cpp(original: Path, tmp_path: Path) -> None:
    tok = load_tokenizer(original)
    out = export_hf(original, tmp_path / "out")
    again, theirs = load_tokenizer(out), AutoTokenizer.from_pretrained(out)
    assert again.tags == tok.tags
    for turns in (TURNS, [Turn("system", "[1] Sailed."), *TURNS]):
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        ids = theirs.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        assert ids == chat.encode_prompt(tok, turns)
    generation = json.loads((out / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [50256] and generation["suppress_tokens"] == list(range(50257, 50304))

    path = export_gguf(original, tmp_path / "gguf", "f16")  # texts, chats and greedy tokens compared in llama.cpp
    kinds = gguf.GGUFReader(path).fields["tokenizer.ggml.token_type"].contents()
    assert [i for i, kind in enumerate(kinds) if kind == gguf.TokenType.CONTROL] == [50256]
    assert "<|system|>" not in (path.parent / "template").read_text()


def test_a_site_without_a_server_is_refused_before_anything_is_written(original: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fischgpt-sft: its conversations are tagged in text"):
        export_site(original, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_it_is_not_fine_tuned_in_a_form_it_does_not_have(original: Path) -> None:
    with pytest.raises(UserError, match="is not fine-tuned here"):
        chat.encode(load_tokenizer(original), TURNS[:2])
    with pytest.raises(UserError, match="lacks the chat tokens"):
        Tokenizer.load(original)
