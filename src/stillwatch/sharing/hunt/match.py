"""
Millions of sketches against a thousand: bands of two bytes find the few pairs worth comparing, and miss none.

A pair above its threshold differs in at most d of 128 bytes, so of d + 1 bands at least one is whole: 39 are looked at for 0.7.
Strangers agree in one band with probability 1/65536, so of a thousand peers' sketches one in two is compared by mistake.

References:
    Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4 (banding). Speed: benchmarks/speed/exchange_hunt.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.sharing.export.sketch import PERMUTATIONS
from stillwatch.sharing.hunt.indicators import Sketched

_BANDS = PERMUTATIONS // 2
_KEYS = 1 << 16


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs that match: row of one's own, number of the peer's, bytes of 128 that agree."""

    rows: npt.NDArray[np.int64]
    peers: npt.NDArray[np.int32]
    agree: npt.NDArray[np.int32]


class Matcher:
    """
    Peers' sketches, made ready.

    Args:
        wanted: Sketches, each with its own threshold of at least 0.5.
    """

    def __init__(self, wanted: Sequence[Sketched]) -> None:
        raw = b"".join(one.sketched for one in wanted)
        self._peers = np.frombuffer(raw, np.uint8).reshape(len(wanted), PERMUTATIONS)
        self._need = np.array([bytes_needed(one.threshold) for one in wanted], np.int32)
        keys = self._peers.view("<u2").astype(np.int64)
        bands = min(_BANDS, PERMUTATIONS - int(self._need.min()) + 1) if len(wanted) else 0
        self._heads = np.full((bands, _KEYS), -1, np.int32)
        self._following = np.full((bands, len(wanted)), -1, np.int32)
        self._filter = np.zeros((bands, _KEYS // 64), np.uint64)
        for peer in range(len(wanted)):
            for band in range(bands):
                key = keys[peer, band]
                self._following[band, peer] = self._heads[band, key]
                self._heads[band, key] = peer
                self._filter[band, key >> 6] |= np.uint64(1) << np.uint64(key & 63)

    def match(self, own: npt.NDArray[np.uint8], workers: int = 1) -> Matches:
        """
        All pairs at or above the thresholds.

        Args:
            own: (n, 128) uint8, C order.
            workers: Threads; the kernel lets go of the interpreter's lock.
        """
        if not len(own) or not len(self._peers):
            return Matches(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))
        cuts = np.linspace(0, len(own), workers + 1).astype(int)
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(lambda i: self._part(own[cuts[i] : cuts[i + 1]], int(cuts[i])), range(workers)))
        return Matches(*(np.concatenate([part[i] for part in found]) for i in range(3)))

    def _part(self, own: npt.NDArray[np.uint8], first: int) -> tuple[Any, Any, Any]:
        room = 1_024
        while True:
            rows, peers, agree = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32)
            n = _search(own, self._peers, self._need, self._filter, self._heads, self._following, rows, peers, agree)
            if n <= room:
                return rows[:n] + first, peers[:n], agree[:n]
            room = n


def bytes_needed(threshold: float) -> int:
    """
    Bytes of 128 that must agree for an estimated similarity of at least `threshold`.

    >>> bytes_needed(0.7)
    90
    """
    return math.ceil((threshold * (1 - 1 / 256) + 1 / 256) * PERMUTATIONS - 1e-9)


def similarity(agree: int) -> float:
    """
    Estimated similarity of two sketches of which so many bytes agree.

    >>> similarity(128), similarity(0)
    (1.0, 0.0)
    """
    return max(0.0, round((agree / PERMUTATIONS - 1 / 256) / (1 - 1 / 256), 3))


@njit(cache=True, nogil=True)
def _search(own: Any, peers: Any, need: Any, allowed: Any, heads: Any, following: Any, rows: Any, found: Any, agree: Any) -> int:
    """Pairs that match, as many as there is room for; returns how many there are."""
    n = 0
    compared = np.full(len(peers), -1, np.int64)
    for row in range(len(own)):
        for band in range(len(heads)):
            key = np.int64(own[row, 2 * band]) | np.int64(own[row, 2 * band + 1]) << 8
            if not (allowed[band, key >> 6] >> np.uint64(key & 63)) & np.uint64(1):
                continue
            peer = heads[band, key]
            while peer >= 0:
                if compared[peer] != row:
                    compared[peer] = row
                    same = 0
                    for i in range(own.shape[1]):
                        same += own[row, i] == peers[peer, i]
                    if same >= need[peer]:
                        if n < len(rows):
                            rows[n], found[n], agree[n] = row, peer, same
                        n += 1
                peer = following[band, peer]
    return n
