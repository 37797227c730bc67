"""The model's own tokens behind the text that is shown, with the probability it gave to each.

What is shown is cut out of what the model wrote and its citations are moved (`[2] It did.` is shown as `It did. [2]`),
so each part shown is found again in the draft, and the tokens that cover it are its tokens. Text that the model did not
write (a quote, a fixed reply) has none: no probability is made up for it.
"""

import math
import re
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fischgpt.assistant.model import Piece

_MARKERS = re.compile(r"(\s*\[\d{1,3}\])")


@dataclass(frozen=True)
class Token:
    """One token of text, whole or the part of it that is shown."""

    text: str
    data: bytes
    logprob: float
    """In nats, under the model's own distribution, whatever it was allowed to write."""
    top: tuple[tuple[bytes, float], ...] = ()
    """The likeliest tokens there."""


class Spelling:
    """Collects the draft (`add`), is told what is shown of it (`read`), and hands the tokens out (`take`)."""

    def __init__(self) -> None:
        self._draft = ""
        self._pieces: list[tuple[int, int, Piece]] = []
        """(start, end) in the draft of each token; an empty span where half a character waits for its rest."""
        self._at = 0
        self._due: deque[tuple[int, Token]] = deque()
        """(where in the shown text it starts, token)."""
        self._read = self._covered = 0
        """Up to where the shown text was read, and up to where it has tokens."""
        self._shown = ""

    def add(self, piece: "Piece") -> None:
        """One more token of the draft; nothing is told of one whose probability is not known."""
        if math.isnan(piece.logprob):
            return
        start, self._draft = len(self._draft), self._draft + piece.text
        self._pieces.append((start, len(self._draft), piece))

    def read(self, shown: str) -> None:
        """`shown`, in the words of the draft, is shown next."""
        for part in _MARKERS.split(shown):
            core = part.strip()
            found = self._draft.find(core, 0 if core.startswith("[") else self._at) if core else -1
            if found >= 0:
                at = self._read + len(part) - len(part.lstrip())
                for start, end, piece in self._pieces:
                    low, high = max(start, found), min(end, found + len(core))
                    if low < high:
                        clipped = (low, high) != (start, end)
                        text = self._draft[low:high]
                        data = text.encode() if clipped else piece.data
                        self._due.append((at + low - found, Token(text, data, piece.logprob, piece.top)))
                if not core.startswith("["):
                    self._at = found + len(core)
            self._read += len(part)

    def take(self, shown: str) -> tuple[Token, ...]:
        """The tokens that begin in `shown`, the next piece sent to the reader; what stands between two tokens (a space)
        goes with the later one, so that together they are the text."""
        self._shown += shown
        taken: list[Token] = []
        while self._due and self._due[0][0] < len(self._shown):
            begins, token = self._due.popleft()
            gap = self._shown[self._covered : begins]
            self._covered = begins + len(token.text)
            taken.append(replace(token, text=gap + token.text, data=gap.encode() + token.data) if gap else token)
        return tuple(taken)
