"""Dense numbers for sparse 64-bit values, at some twenty nanoseconds a look-up: an open-addressing table that grows."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, mix

_MAX_LOAD = 0.5


class Interner:
    """
    Numbers distinct int64 values in the order in which they come.

    >>> numbers = Interner()
    >>> numbers.add(np.array([70, -3, 70])).tolist(), numbers.find(np.array([-3, 5])).tolist()
    ([0, 1, 0], [1, -1])
    """

    def __init__(self, room: int = 1 << 10) -> None:
        self._slots = np.full(room, -1, np.int32)
        self._values = np.empty(room, np.int64)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def values(self) -> npt.NDArray[np.int64]:
        """The distinct values, by number."""
        return self._values[: self._n]

    @property
    def table(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Slots and values, for `number_of` inside a kernel."""
        return self._slots, self._values

    def add(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The number of each value, new ones numbered on."""
        out = np.empty(len(values), np.int32)
        done = 0
        while done < len(values):
            room = int(len(self._slots) * _MAX_LOAD) - self._n
            if room <= 0:
                self._grow()
                continue
            part = slice(done, min(done + room, len(values)))
            self._n = _add(self._slots, self._values, self._n, values[part], out[part])
            done = part.stop
        return out

    def find(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The number of each value, -1 for one never added."""
        out = np.empty(len(values), np.int32)
        _find(self._slots, self._values, values, out)
        return out

    def _grow(self) -> None:
        known = self.values.copy()
        self._slots = np.full(4 * len(self._slots), -1, np.int32)
        self._values = np.empty(len(self._slots), np.int64)
        self._n = _add(self._slots, self._values, 0, known, np.empty(len(known), np.int32))


@njit(cache=True, nogil=True)
def _slot(slots: Any, values: Any, value: int) -> int:
    mask = U(len(slots) - 1)
    at = mix(U(value)) & mask
    while slots[at] >= 0 and values[slots[at]] != value:
        at = (at + U(1)) & mask
    return int(at)


@njit(cache=True, nogil=True)
def number_of(table: Any, value: int) -> int:
    """The number of one value in `Interner.table`, -1 for one never added."""
    slots, values = table
    return int(slots[_slot(slots, values, value)])


@njit(cache=True, nogil=True)
def _add(slots: Any, values: Any, n: int, new: Any, out: Any) -> int:
    for i in range(len(new)):
        at = _slot(slots, values, new[i])
        if slots[at] < 0:
            slots[at] = n
            values[n] = new[i]
            n += 1
        out[i] = slots[at]
    return n


@njit(cache=True, nogil=True)
def _find(slots: Any, values: Any, wanted: Any, out: Any) -> None:
    for i in range(len(wanted)):
        out[i] = slots[_slot(slots, values, wanted[i])]
