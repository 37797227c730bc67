"""Held back until whole and checked; then cut into tokens within the caller's limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant_samples import tiny_tokenizer
from fischgpt.assistant.release import HeldBack, Output
from fischgpt.profile.passages import Passage

PASSAGES = [
    Passage("a", "Work", "Norwind", "Engineer", "2015", "Designed the Harlow footbridge."),
    Passage("b", "Interests", "", "", "", "Chess. Sailing in Dr. Moe's boat."),
]


def shown(raw: str, size: int = 1, cut: bool = False) -> tuple[str, str | None]:
    held = HeldBack("What?", PASSAGES, "Ada Example")
    out = "".join(held.feed(raw[i : i + size]) for i in range(0, len(raw), size))
    return out + held.finish(cut), held.failed


@pytest.mark.parametrize(("raw", "text"), [
    ("[1] She designed the Harlow footbridge.", "She designed the Harlow footbridge. [1]"),
    ("[1] She designed the footbridge. She worked at Norwind.",
     "She designed the footbridge. She worked at Norwind. [1]"),
    ("[1] She designed the footbridge. [2] She likes chess.", "She designed the footbridge. [1] She likes chess. [2]"),
    ("[2] Sailing in Dr. Moe's boat. Chess.", "Sailing in Dr. Moe's boat. Chess. [2]"),
    ("[1][2] Norwind, chess.", "Norwind, chess. [1][2]"),
    ("She designed the footbridge [1].", "She designed the footbridge [1]"),
    ("[1] She designed the footbridge. [", "She designed the footbridge. [1]"),
])  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_markers_move_behind_what_they_support(raw: str, text: str, size: int) -> None:
    assert shown(raw, size) == (text, None)


def test_nothing_is_shown_before_its_sentence_is_whole() -> None:
    held = HeldBack("What?", PASSAGES, "")
    assert [held.feed(piece) for piece in ["[1", "]", " She designed", " the footbridge", "."]] == [""] * 5
    assert held.feed(" She") == "She designed the footbridge."
    assert held.feed(" worked at Norwind.") == ""
    assert held.finish() == " She worked at Norwind. [1]"


def test_nothing_comes_after_a_sentence_that_falls() -> None:
    text, failed = shown("[1] She designed the footbridge. [1] She owns a horse. [2] She likes chess.")
    assert text == "She designed the footbridge. [1]"
    assert failed is not None
    assert "own" in failed
    assert shown("[1] She owns a horse. [2] She likes chess.")[0] == ""


def test_the_same_sentence_twice_is_shown_once() -> None:
    assert shown("[2] Chess. Chess. Chess.") == ("Chess. [2]", "it repeats itself")


def test_a_sentence_cut_short_is_not_shown() -> None:
    assert (
        shown("[1] She designed the footbridge. She worked at Nor", cut=True)[0] == "She designed the footbridge. [1]"
    )
    assert shown("[1] She designed", cut=True)[0] == ""


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="[]12 .aNorwidchess<|>é", max_size=60), st.integers(1, 7))
def test_how_the_text_arrives_does_not_matter(raw: str, size: int) -> None:
    assert shown(raw, size)[0] == shown(raw, 1000)[0]


TOKENIZER = tiny_tokenizer()


def put(text: str, stop: tuple[str, ...] = (), limit: int | None = None) -> tuple[list[str], Output]:
    output = Output(TOKENIZER, stop, limit)
    pieces = [piece for part in text.split("|") for piece in output.push(part)]
    return [*pieces, *output.end()], output


def test_text_comes_out_token_by_token_and_unchanged() -> None:
    pieces, output = put("She designed the Harlow| footbridge 🌉.")
    assert "".join(pieces) == "She designed the Harlow footbridge 🌉."
    assert len(pieces) > 5
    assert output.finish == "stop"


def test_a_limit_ends_it() -> None:
    whole, _ = put("She designed the Harlow footbridge.")
    pieces, output = put("She designed the Harlow footbridge.", limit=3)
    assert pieces == whole[:3]
    assert (output.finish, output.tokens) == ("length", 3)


@pytest.mark.parametrize("stop", ["Harlow", "w foot", "H"])
def test_a_stop_string_ends_it_and_is_not_shown(stop: str) -> None:
    text = "She designed the Harl|ow footbridge."
    pieces, output = put(text, (stop, "never"))
    assert "".join(pieces) == text.replace("|", "").partition(stop)[0]
    assert output.finish == "stop"


def test_the_beginning_of_a_stop_string_that_does_not_come_is_shown() -> None:
    assert "".join(put("She designed the Harl", ("Harlow",))[0]) == "She designed the Harl"
