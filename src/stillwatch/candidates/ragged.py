"""Columns of lists as two arrays, offsets and values: taken apart, gathered, and put together again."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


def flat(column: pa.Array) -> tuple[Ints, Array]:
    """Offsets from 0 and values of an array of lists; a null list is an empty one."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets, column.flatten().to_numpy(zero_copy_only=False)


@numba.njit(cache=True, nogil=True)
def gathered(offsets: Ints, values: Array, places: Array) -> tuple[npt.NDArray[np.int32], Array]:
    """Offsets and values of the lists at `places`, in that order."""
    new_offsets = np.zeros(len(places) + 1, np.int32)
    for i in range(len(places)):
        new_offsets[i + 1] = new_offsets[i] + offsets[places[i] + 1] - offsets[places[i]]
    out = np.empty(new_offsets[-1], values.dtype)
    for i in range(len(places)):
        at = new_offsets[i]
        for j in range(offsets[places[i]], offsets[places[i] + 1]):
            out[at] = values[j]
            at += 1
    return new_offsets, out
