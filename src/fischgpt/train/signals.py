"""Signals that ask a run to stop at the next step's end."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""SIGUSR1 is what Slurm is asked to send before a job's time is over."""


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """Within it, the first such signal is noted (its number, 0 before) and the second one acts at once.

    Under torchrun it must begin after `init_process_group`: handlers set before it were swallowed there.
    """
    noted = 0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal noted
        noted = number
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield lambda: noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
