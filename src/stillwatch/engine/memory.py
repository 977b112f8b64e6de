"""Memory that a process no longer uses, given back to the system."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """
    Return free pages of Arrow's pool and of the C library's heap.

    Both keep what was freed for the next request, and large arrays of changing sizes leave holes: a process that weighs one
    chunk of groups after the other had grown to three times what a chunk needs. Where the C library cannot (it is not glibc)
    only Arrow's pool is returned.
    """
    pa.default_memory_pool().release_unused()
    if hasattr(_C_LIBRARY, "malloc_trim"):
        _C_LIBRARY.malloc_trim(0)


_C_LIBRARY = ctypes.CDLL(None)
