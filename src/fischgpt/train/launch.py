"""Start Python again with an allocator setting that must be in the environment before the process begins.

Training frees and takes buffers of many megabytes every step; by default glibc gives them back to the kernel and faults
them in again. Keeping them, in huge pages, made training 1.3 to 1.8 times faster on Zen 5 cores,
depending on what a page fault costs there (benchmarks/training.md).
"""

import os
import platform
import sys

TUNABLES = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=68719476736:"
    "glibc.malloc.trim_threshold=68719476736:glibc.malloc.top_pad=268435456"
)
_GUARD = "FISCHGPT_ALLOCATOR_SET"


def reexec_with_allocator() -> None:
    """Replace this process by itself with GLIBC_TUNABLES set; returns at once where that is done or does not apply.

    Call it before importing torch: what is imported until then is imported twice.
    """
    if platform.libc_ver()[0] != "glibc" or os.environ.get(_GUARD) or "GLIBC_TUNABLES" in os.environ:
        return
    environment = os.environ | {"GLIBC_TUNABLES": TUNABLES, _GUARD: "1"}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
