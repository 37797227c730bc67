"""The site's conversation in a terminal: the same assistant, streamed, with the passages it used."""

import json
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.events import Delta, Done, Sources
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.engine import SamplingParams
from fischgpt.errors import UserError
from fischgpt.profile.index import Hit, Index
from fischgpt.profile.profile import load_profile

_KINDS = {
    "model": "answered by the model",
    "quote": "quoted from the profile",
    "declined": "not in the profile",
    "smalltalk": "a fixed reply",
}


def ask(question: str, profile: str | None, model: str, as_json: bool = False) -> None:
    """Answer one question on standard output; `as_json` prints one object with answer, kind, sources and timings."""
    assistant = _open(profile, model)
    if as_json:
        print(json.dumps(_collect(assistant, [Turn("user", question)]), indent=2, ensure_ascii=False))
    else:
        _stream(assistant, [Turn("user", question)])


def converse(profile: str | None, model: str) -> None:
    """A conversation until Ctrl-D or an empty line; Ctrl-C stops an answer."""
    assistant = _open(profile, model)
    console = Console(highlight=False)
    console.print(f"[bold]{assistant.profile.greeting}[/bold]")
    for starter in assistant.profile.starters:
        console.print(f"  {starter}", style="dim")
    turns: list[Turn] = []
    while True:
        try:
            question = console.input("\n[bold cyan]>[/] ").strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if not question:
            return
        try:
            answer = _stream(assistant, [*turns, Turn("user", question)])
        except UserError as error:
            console.print(f"error: {error}", style="red", markup=False)
            continue
        except KeyboardInterrupt:
            console.print(" (stopped)", style="dim")
            continue
        turns += [Turn("user", question), Turn("assistant", answer)]


def _open(profile_path: str | None, model: str) -> Assistant:
    with Console(stderr=True).status("Reading the profile and loading the model"):
        profile = load_profile(profile_path)
        return Assistant(profile, Index.open(profile), load_model(model))


def _stream(assistant: Assistant, turns: list[Turn]) -> str:
    console = Console(highlight=False)
    hits: tuple[Hit, ...] = ()
    text = ""
    for event in assistant.answer(turns, SamplingParams()):
        match event:
            case Sources():
                hits = event.hits
            case Delta():
                text += event.text
                sys.stdout.write(event.text)
                sys.stdout.flush()
            case Done():
                sys.stdout.write("\n")
                sys.stdout.flush()
                _print_footer(console, text, hits, event)
    return text


def _print_footer(console: Console, text: str, hits: tuple[Hit, ...], done: Done) -> None:
    for number, hit in enumerate(hits, 1):
        if f"[{number}]" in text:
            console.print(f"  [{number}] {hit.passage.render()}", style="dim", markup=False)
    reason = f": {done.reason}" if done.reason else ""
    pace = f", {done.timings.first_token_ms:.0f} ms to the first word" if done.kind != "smalltalk" else ""
    console.print(f"  ({_KINDS[done.kind]}{reason}{pace})", style="dim", markup=False)


def _collect(assistant: Assistant, turns: list[Turn]) -> dict[str, Any]:
    result: dict[str, Any] = {"answer": "", "sources": []}
    for event in assistant.answer(turns, SamplingParams()):
        match event:
            case Sources():
                result["sources"] = [asdict(hit.passage) | {"score": hit.score} for hit in event.hits]
            case Delta():
                result["answer"] += event.text
            case Done():
                result |= {"kind": event.kind, "reason": event.reason, "timings": asdict(event.timings)}
    return result
