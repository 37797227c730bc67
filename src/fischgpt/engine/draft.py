"""Guesses of what an answer says next, so that several of its tokens are read in one pass.

Speculative decoding without a second model: an answer that quotes its prompt is guessed from the prompt (prompt lookup;
Yang et al. 2023, arXiv 2304.04487), and where only one token may follow, that is the next one. The engine samples each
token from the logits it would have had alone, and forgets what was read behind a wrong guess: guesses change the time
an answer takes and nothing else.
"""

import sys
from array import array
from collections.abc import Callable, Mapping, Sequence

MATCH = 3
"""Equal tokens after which the earlier text is guessed to repeat itself."""
FIRST = 8
"""Tokens guessed at first; doubled while all are right, cut to the right ones when one is wrong."""


class Draft:
    """Guesses for one answer: what the ids so far lead to, and what may stand at each place."""

    def __init__(
        self,
        prompt: Sequence[int],
        allow: Callable[[Sequence[int]], Mapping[int, float]] | None,
        stop_ids: Sequence[int],
        most: int,
    ) -> None:
        """most: tokens that may be guessed at a time; 0: none."""
        self._bytes = bytearray(array("i", prompt).tobytes())  # searched in C: 3 us in 600 tokens
        self._allow, self._stop_ids = allow, stop_ids
        self._most, self._trust = most, min(FIRST, most)
        self._sure = 0  # of the guesses, as many as cannot be wrong
        self.ids: list[int] = []
        """The guesses."""
        self.allowed: list[Mapping[int, float] | None] = []
        """What may stand where each guess stands, and after the last."""

    def guess(self, written: Sequence[int], room: int) -> None:
        """What follows the answer's ids so far, at most `room` ids, into `ids` and `allowed`."""
        self.ids, self.allowed, self._sure = [], [], 0
        text, known = [*written], len(self._bytes)
        for _ in range(min(room, self._most) + 1):
            allowed = None if self._allow is None else self._allow(text)
            self.allowed.append(allowed)
            if len(self.ids) == min(room, self._most):
                break
            token = self._likely(allowed)
            if token is None or token in self._stop_ids:  # nothing is read after the end
                break
            self._sure += allowed is not None and len(allowed) == 1 and self._sure == len(self.ids)
            self.ids.append(token)
            text.append(token)
            self._bytes += token.to_bytes(4, sys.byteorder)
        del self._bytes[known:]

    def settle(self, taken: Sequence[int], right: int) -> None:
        """The answer took these ids, the first `right` of them as guessed."""
        self._bytes += array("i", taken).tobytes()
        if self._sure < len(self.ids):
            wrong = right < len(self.ids)
            self._trust = max(1, right - self._sure) if wrong else min(2 * self._trust, self._most)

    def _likely(self, allowed: Mapping[int, float] | None) -> int | None:
        """The next id, if there is a good guess. What may be wrong, and all behind it, is risked only while trusted."""
        only = allowed is not None and len(allowed) == 1
        sure_so_far = self._sure == len(self.ids)
        if not (only and sure_so_far) and len(self.ids) - self._sure >= self._trust:
            return None
        return next(iter(allowed)) if only else self._next(allowed)

    def _next(self, allowed: Mapping[int, float] | None) -> int | None:
        if allowed is None:
            return self._repeated()
        token = self._repeated()
        if token in allowed:
            return token
        ranked = sorted(allowed.items(), key=lambda item: -item[1])[:2]
        return ranked[0][0] if len(ranked) == 2 and ranked[0][1] > ranked[1][1] else None

    def _repeated(self) -> int | None:
        """What followed the last `MATCH` ids where they stood before, latest first."""
        tail, end = bytes(self._bytes[-4 * MATCH :]), len(self._bytes) - 4
        at = self._bytes.rfind(tail, 0, end + 3) if len(tail) == 4 * MATCH and end >= 0 else -1
        while at >= 0 and at % 4:
            at = self._bytes.rfind(tail, 0, at + len(tail) - 1)
        if at < 0:
            return None
        after = at + len(tail)
        return int.from_bytes(self._bytes[after : after + 4], sys.byteorder)
