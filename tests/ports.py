"""Ports of this machine."""

import random
import socket
from contextlib import suppress

_dice = random.SystemRandom()  # a test may have seeded the other, in each of two workers


def free_port() -> int:
    """One that nobody listens on now. Not of those that the system gives to whoever asks for any (from 32768 on): it is
    still free when the process that it is for has started."""
    while True:
        port = _dice.randrange(15_000, 29_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
