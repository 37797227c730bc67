"""What stands between the model's raw words and the reader: first the check, then the caller's limits."""

import codecs
import re
from collections.abc import Iterator, Sequence

from fischgpt.assistant.check import MARKER, MAX_WORDS, grounded, segments
from fischgpt.profile.passages import Passage
from fischgpt.profile.text import sentences
from fischgpt.tokenizer import Tokenizer

_MARKER_BEGUN = re.compile(r"\[\d{0,3}$")


class HeldBack:
    """Holds the model's text back until a sentence is whole, checks it, and turns `[2] It did.` into `It did. [2]`.

    The marker of a run of sentences from one passage follows the last of them. Once a sentence does not stand in
    its passage, `failed` says why and nothing more comes out.
    """

    def __init__(self, question: str, passages: Sequence[Passage], owner: str) -> None:
        self._question, self._passages, self._owner = question, passages, owner
        self._buffer = ""
        self._citations: list[int] = []
        self._shown: list[str] = []
        """Sentences released so far."""
        self._marker_due = False
        self.failed: str | None = None

    def feed(self, text: str) -> str:
        """More raw text in; what may be shown now out (often nothing)."""
        self._buffer += text
        if self.failed is not None:
            return ""
        if len(self._buffer.split()) > MAX_WORDS:
            self.failed = f"it is longer than {MAX_WORDS} words"
            return ""
        return "".join(self._whole())

    def finish(self, cut: bool = False) -> str:
        """No more text comes: the rest of the buffer counts as whole, and the last marker is due.

        cut: the model was stopped in mid-sentence, so what follows the last full stop is not shown.
        """
        out = "".join(self._whole()) if self.failed is None else ""
        rest, self._buffer = _MARKER_BEGUN.sub("", self._buffer).strip(), ""
        if cut and self.failed is None and rest and not rest.endswith((".", "!", "?", "]")):
            self.failed = "it did not come to an end"
        if self.failed is None and rest:
            if self._citations:
                out += self._release(rest)
            else:  # cited behind the sentence, or not at all
                for part in segments(rest) or [None]:
                    if part is None or self.failed is not None:
                        break
                    out += self._flush_marker()
                    self._citations = list(part.citations)
                    out += self._release(part.text)
        return out + self._flush_marker()

    def _whole(self) -> Iterator[str]:
        """Release every sentence at the front of the buffer that is known to be whole."""
        while self.failed is None:
            self._buffer = self._buffer.lstrip()
            if marker := MARKER.match(self._buffer):
                if self._marker_due:
                    yield self._flush_marker()
                    self._citations = []
                self._citations.append(int(marker[1]))
                self._buffer = self._buffer[marker.end() :]
                continue
            if not self._citations:
                return
            following = MARKER.search(self._buffer)
            found = sentences(self._buffer[: following.start()] if following else self._buffer)
            if not found or (following is None and len(found) < 2):
                return
            self._buffer = self._buffer[self._buffer.index(found[0]) + len(found[0]) :]
            yield self._release(found[0])

    def _release(self, sentence: str) -> str:
        cited = "".join(f"[{number}]" for number in self._citations)
        verdict = grounded(f"{cited} {sentence}", self._question, self._passages, self._owner)
        if not verdict.ok:
            self.failed = verdict.reason
        elif sentence in self._shown:
            self.failed = "it repeats itself"
        elif sum(len(shown.split()) for shown in (*self._shown, sentence)) > MAX_WORDS:
            self.failed = f"it is longer than {MAX_WORDS} words"
        if self.failed is not None:
            return ""
        self._shown.append(sentence)
        self._marker_due = True
        return f" {sentence}" if len(self._shown) > 1 else sentence

    def _flush_marker(self) -> str:
        due, self._marker_due = self._marker_due, False
        return " " + "".join(f"[{number}]" for number in dict.fromkeys(self._citations)) if due else ""


class Output:
    """Cuts shown text into the tokenizer's tokens, ends it at a stop string or after `limit` tokens.

    `finish` is None while more may come; `tokens` counts what was sent.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = (), limit: int | None = None) -> None:
        self._tokenizer, self._stop, self._limit = tokenizer, [text for text in stop if text], limit
        self._held = ""
        self.tokens = 0
        self.finish: str | None = None

    def push(self, text: str) -> Iterator[str]:
        """The text's tokens one by one, as far as the limits allow."""
        if self.finish is not None or not text:
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for token in self._tokenizer.encode(text):
            if self._limit is not None and self.tokens >= self._limit:
                self.finish = "length"
                yield from self._let_go(len(self._held))
                return
            self.tokens += 1
            self._held += decoder.decode(self._tokenizer.decode_bytes([token]))
            found = [at for stop in self._stop if (at := self._held.find(stop)) >= 0]
            if found:
                self.finish = "stop"
                yield from self._let_go(min(found))
                return
            yield from self._let_go(len(self._held) - may_stop(self._held, self._stop))

    def end(self) -> Iterator[str]:
        """What was held back for a stop string that never came."""
        if self.finish is None:
            self.finish = "stop"
            yield from self._let_go(len(self._held))

    def _let_go(self, length: int) -> Iterator[str]:
        out, self._held = self._held[:length], self._held[length:]
        if out:
            yield out


def may_stop(held: str, stop: Sequence[str]) -> int:
    """Length of the longest end of `held` that a stop string begins with: it must wait for more."""
    longest = max((len(text) for text in stop), default=1) - 1
    for length in range(min(longest, len(held)), 0, -1):
        if any(text.startswith(held[-length:]) for text in stop):
            return length
    return 0
