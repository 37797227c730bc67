"""What the allocator and the garbage collector are told, so that a server stays small and never pauses."""

import ctypes
import gc
import os
from collections.abc import Callable

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h


def stay_small() -> None:
    """Let what is freed go back: two arenas of memory for all threads, not eight a core each with its own free space,
    and pages of its own for whatever is larger than 8 MB, as what an answer has read is: with remembered prompts 618 MB
    are held after 168 answers to 42 questions, and 754 without such pages. Where the C library is not glibc nothing
    happens."""
    if mallopt := _glibc("mallopt"):
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 8 * 2**20)


def settle() -> None:
    """What is loaded by now stays, and is not looked through again for garbage: each full collection held every visitor
    for 250 ms (380,000 objects, most of them torch's). What only loading needed goes back."""
    gc.collect()
    gc.freeze()
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
