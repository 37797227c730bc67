"""GPT-2's own vocabulary, in which the tags of a conversation are text: the form of the original FischGPT's models.

Their 50,257 ids hold one control token, <|endoftext|>; `<|user|>` and `<|assistant|>` are written out and cut into five
and six ordinary tokens. That a model was taught to chat so stands in none of its settings. It is told from what its
files show of it: a chat template, or else a card, with both tags in it. Where there is neither, it only continues text.
"""

import json
from pathlib import Path
from typing import Any

from fischgpt.errors import UserError
from fischgpt.tokenizer import CONTROL, Tokenizer, token_bytes

TAGS = CONTROL[1:]


class TaggedTokenizer(Tokenizer):
    """GPT-2's 50,256 byte pairs and <|endoftext|>. `tags`: those that its conversations are written with, none if it
    was not taught to chat."""

    def __init__(self, tags: tuple[str, ...]) -> None:
        gpt2 = Tokenizer.gpt2()
        super().__init__(gpt2.ranks, gpt2.pattern, CONTROL[:1])
        self.tags = tags

    @property
    def chat_template(self) -> str | None:
        """The format of `chat.py` for other programs' benefit; None if there is none."""
        if not self.tags:
            return None
        system = "<|system|>" in self.tags
        before = (
            "{{ '<|system|>' + message['content'] }}"
            if system
            else "{%- set ns.before = message['content'] + '\\n\\n' -%}"
        )
        return (
            "{%- set ns = namespace(before='') -%}{%- for message in messages -%}"
            "{%- if message['role'] == 'system' and loop.first -%}" + before + "{%- elif message['role'] == 'user' -%}"
            "{{ '<|user|>' + ns.before + message['content'] }}{%- set ns.before = '' -%}"
            "{%- elif message['role'] == 'assistant' -%}{{ '<|assistant|>' + message['content'] + '<|endoftext|>' }}"
            "{%- else -%}{{ raise_exception('Roles: system (first only), user, assistant; not ' + message['role']) }}"
            "{%- endif -%}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}"
        )


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model's folder, in whichever of the two forms it is. Raises UserError as `Tokenizer.load`."""
    return TaggedTokenizer(_tags_shown(folder)) if _is_plain_gpt2(folder) else Tokenizer.load(folder)


def _is_plain_gpt2(folder: Path) -> bool:
    """Whether tokenizer.json, or vocab.json where there is none, is GPT-2's vocabulary without further tokens."""
    data, added = _read(folder / "tokenizer.json"), [CONTROL[0]]
    try:
        if data:
            vocabulary, added = data["model"]["vocab"], [token["content"] for token in data["added_tokens"]]
        else:
            vocabulary = _read(folder / "vocab.json")
        if len(vocabulary) != 50_257 or added != [CONTROL[0]] or vocabulary[CONTROL[0]] != 50_256:
            return False
        pairs = {token_bytes(token): id_ for token, id_ in vocabulary.items() if token != CONTROL[0]}
    except (KeyError, TypeError, AttributeError):  # damaged, or something else: Tokenizer.load says what
        return False
    return pairs == Tokenizer.gpt2().ranks


def _tags_shown(folder: Path) -> tuple[str, ...]:
    template = _read(folder / "tokenizer_config.json").get("chat_template")
    texts = [
        _text(folder / "chat_template.jinja"),
        template if isinstance(template, str) else "",
        _text(folder / "README.md"),
    ]
    for text in texts:
        found = tuple(tag for tag in TAGS if tag in text)
        if {"<|user|>", "<|assistant|>"} <= set(found):
            return found
    return ()


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError:
        raise UserError(f"{file}: damaged: not JSON") from None
    return data if isinstance(data, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
