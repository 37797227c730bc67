"""`fischgpt chat`: the site's conversation in a terminal."""

import json
import sys
from dataclasses import asdict

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.events import Delta, Done, Sources
from fischgpt.assistant.remote import describe, load
from fischgpt.chat import Turn
from fischgpt.engine import Bits
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile

_KINDS = {"quote": "quoted", "declined": "not in the profile", "smalltalk": "about this program"}


def ask(question: str, profile: str | None = None, model: str = "mini", as_json: bool = False, bits: Bits = 8) -> None:
    """Print the answer to one question with its passages; `as_json`: as one JSON object.

    Raises UserError for a profile, model or question that will not do.
    """
    assistant = _open(profile, model, bits)
    messages = [Turn("user", question)]
    if not as_json:
        _print_answer(assistant, messages)
        return
    answer = assistant.reply(messages)
    sources = [
        {"n": n, **asdict(hit.passage), "score": round(float(hit.score), 4)}
        for n, hit in enumerate(answer.sources.hits, 1)
    ]
    done = answer.done
    print(
        json.dumps(
            {
                "answer": answer.text,
                "kind": done.kind,
                "reason": done.reason,
                "score": round(float(answer.sources.score), 4),
                "threshold": answer.sources.threshold,
                "sources": sources,
                "usage": asdict(done.usage),
                "timings": {key: round(value, 1) for key, value in asdict(done.timings).items()},
            },
            indent=2,
            ensure_ascii=False,
        )
    )


def converse(profile: str | None = None, model: str = "mini", bits: Bits = 8) -> None:
    """Ask and answer until the input ends or an empty line."""
    assistant = _open(profile, model, bits)
    print(f"{assistant.profile.greeting} (An empty line ends.)")
    messages: list[Turn] = []
    while True:
        try:
            question = input("\n> ").strip()
        except EOFError:
            print()
            return
        if not question:
            return
        asked = [*messages, Turn("user", question)]
        try:
            messages = [*asked, Turn("assistant", _print_answer(assistant, asked))]
        except UserError as error:  # this question will not do; the conversation goes on
            print(f"error: {error}", file=sys.stderr)


def _open(profile: str | None, model: str, bits: Bits) -> Assistant:
    owner = load_profile(profile)
    text_model = load(describe(model, bits))
    index = Index.open(owner)
    if index.notice:
        print(index.notice, file=sys.stderr)
    return Assistant(owner, index, text_model)


def _print_answer(assistant: Assistant, messages: list[Turn]) -> str:
    """Stream an answer to stdout, then the passages it cites; return its text."""
    text, hits = "", ()
    for event in assistant.answer(messages):
        match event:
            case Sources():
                hits = event.hits
            case Delta(piece):
                text += piece
                print(piece, end="", flush=True)
            case Done():
                print(f"  ({_KINDS[event.kind]})" if event.kind in _KINDS else "")
    for n, hit in enumerate(hits, 1):
        if f"[{n}]" in text:
            print(f"  [{n}] {hit.passage.render()}")
    return text
