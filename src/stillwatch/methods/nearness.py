"""
Nearness of 128-bit sign sketches: Hamming distance, majorities, links between near ones, cells of near ones.

A majority over many sketches is far steadier than any of them: what differs from text to text cancels, what they share
stays. So variants of one template are compared by majorities, and single sketches only where they are nearly equal.

References:
    Indyk and Motwani, "Approximate nearest neighbors", STOC 1998 (banding of bits).
    Distances of variants and of strangers: benchmarks/quality/templates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.hashing import U, borrowed, mix, ones
from stillwatch.methods.postings import roots, unite

BITS = 128
LINK_BANDS, LINK_BAND_BITS = 12, 10  # two majorities 18 bits apart share one of the bands in 93 % of cases
MAX_COMPARED = 256  # neighbours in order that one sketch of a bucket is compared with
_STRANGERS_A_BUCKET = 4  # so many would meet in a bucket by chance; a cell needs five times as many
_U1, _U63, _UFF = U(1), U(63), U(0xFF)


@njit(cache=True, nogil=True)
def hamming(high_1: np.uint64, low_1: np.uint64, high_2: np.uint64, low_2: np.uint64) -> int:
    """Bits in which two sketches differ."""
    return int(ones(high_1 ^ high_2) + ones(low_1 ^ low_2))


def _byte_bits() -> npt.NDArray[np.uint64]:
    """The eight bits of each byte as eight bytes, lowest bit in the lowest: (256,)."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    return np.ascontiguousarray(bits).view("<u8").astype(np.uint64)[:, 0]


_BYTE_BITS = _byte_bits()
_MOST_RECENT = 255  # ones that a byte can count


class Signs:
    """
    Sums of the signs of sketches, cell by cell: +1 for a one, -1 for a zero.

    Ones are counted in bytes, eight at a time in one addition, and move on to the sums when a byte may be full.

    Args:
        n_cells: Cells, numbered from 0.
        n_bits: 128, or 64 for the upper halves alone.

    >>> signs = Signs(2, 64)
    >>> signs.add(np.array([3, 1], np.uint64), np.zeros(2, np.uint64), np.array([1, 1]))
    >>> signs.totals()[:, :3].tolist()
    [[0, 0, 0], [2, 0, -2]]
    """

    def __init__(self, n_cells: int, n_bits: int = BITS) -> None:
        self._totals = np.zeros((n_cells, n_bits), np.int32)
        self._recent = np.zeros((n_cells, n_bits >> 3), np.uint64)
        self._n_recent = np.zeros(n_cells, np.uint8)

    def add(self, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], cell: npt.NDArray[np.integer]) -> None:
        """
        Add sketches.

        Args:
            high: (n,) uint64, upper halves.
            low: (n,) uint64, lower halves; not read where there are 64 bits.
            cell: (n,) cell of each, -1 to leave one out.
        """
        _add_ones(high, low, cell, self._recent, self._n_recent, self._totals, _BYTE_BITS)

    def totals(self) -> npt.NDArray[np.int32]:
        """(n_cells, n_bits) sums so far."""
        _move_all_on(self._recent, self._n_recent, self._totals)
        return self._totals


@njit(cache=True, nogil=True)
def _add_ones(high: Any, low: Any, cell: Any, recent: Any, n_recent: Any, totals: Any, bits: Any) -> None:
    bits, recent, totals = borrowed(bits), borrowed(recent), borrowed(totals)
    for i in range(len(cell)):
        c = cell[i]
        if c < 0:
            continue
        for k in range(recent.shape[1]):
            half = high[i] if k < 8 else low[i]
            recent[c, k] += bits[np.int64((half >> U(8 * (k & 7))) & _UFF)]
        n_recent[c] += np.uint8(1)
        if n_recent[c] == _MOST_RECENT:
            _move_on(c, recent, n_recent, totals)


@njit(cache=True, nogil=True)
def _move_on(c: int, recent: Any, n_recent: Any, totals: Any) -> None:
    n = np.int32(n_recent[c])
    for k in range(recent.shape[1]):
        for j in range(8):
            ones_of_it = np.int32((recent[c, k] >> U(8 * j)) & _UFF)
            totals[c, 8 * k + j] += np.int32(2) * ones_of_it - n
        recent[c, k] = U(0)
    n_recent[c] = np.uint8(0)


@njit(cache=True, nogil=True)
def _move_all_on(recent: Any, n_recent: Any, totals: Any) -> None:
    for c in range(len(n_recent)):
        _move_on(c, recent, n_recent, totals)


def majorities(totals: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Halves of the majority sketch of each row of totals; a tie is a zero, and so is a half that is not there."""
    packed = np.packbits(totals > 0, axis=1, bitorder="little")
    halves = np.ascontiguousarray(packed).view("<u8").astype(np.uint64)
    return halves[:, 0].copy(), halves[:, 1].copy() if halves.shape[1] > 1 else np.zeros(len(totals), np.uint64)


@njit(cache=True, nogil=True)
def _band(high: np.uint64, low: np.uint64, start: int, bits: int) -> int:
    out = U(0)
    for j in range(start, start + bits):
        half = high if j < 64 else low
        out = (out << _U1) | ((half >> U(j & 63)) & _U1)
    return int(out)


@njit(cache=True, nogil=True)
def _bands(high: Any, low: Any, start: int, bits: int, out: Any) -> None:
    for i in range(len(out)):
        out[i] = _band(high[i], low[i], start, bits)


def bands(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], start: int, bits: int) -> npt.NDArray[np.int64]:
    """Bits start…start + bits of each sketch as one number."""
    out = np.empty(len(high), np.int64)
    _bands(high, low, start, bits, out)
    return out


@njit(cache=True, nogil=True)
def _link(keys: Any, order: Any, high: Any, low: Any, limit: int, parents: Any) -> None:
    for x in range(len(order)):
        a = order[x]
        for y in range(x + 1, min(len(order), x + 1 + MAX_COMPARED)):
            b = order[y]
            if keys[b] != keys[a]:
                break
            if hamming(high[a], low[a], high[b], low[b]) <= limit:
                unite(parents, a, b)


def link_within(
    keys: npt.NDArray[np.int64],
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    limit: int,
    parents: npt.NDArray[np.int32],
) -> None:
    """
    Unite those with the same key whose sketches differ in at most `limit` bits.

    Args:
        keys: (n,) what two must share to be compared.
        high: (n,) upper halves.
        low: (n,) lower halves.
        limit: Bits.
        parents: Union-find forest over the n; changed.
    """
    _link(keys, np.argsort(keys, kind="stable"), high, low, limit, parents)


def link_near(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], limit: int, parents: npt.NDArray[np.int32]) -> None:
    """Unite those whose sketches differ in at most `limit` bits, found by banding; arguments as in `link_within`."""
    for band in range(LINK_BANDS):
        link_within(bands(high, low, band * LINK_BAND_BITS, LINK_BAND_BITS), high, low, limit, parents)


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of near sketches, by name; `cell` is the cell of each sketch, -1 where it is in none."""

    name: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int64]


def cells(
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    owner: npt.NDArray[np.int64],
    radius: int,
    least: int,
    least_owners: int,
) -> Cells:
    """
    Dense cells among single sketches.

    Bands are as wide as needed for a bucket to hold four strangers by chance. A bucket is a seed where `least` of its sketches,
    and at least half of them, lie within `radius` of its majority; near seeds are one cell, and each sketch joins the nearest.
    Works for texts that differ in few of their words; two texts with no word in common are as far apart as strangers.

    Args:
        high: (n,) upper halves.
        low: (n,) lower halves.
        owner: (n,) who sent it.
        radius: Bits from the majority that a member may be away.
        least: Sketches a cell needs.
        least_owners: Distinct owners that a cell needs.
    """
    bits = min(24, max(12, int(np.ceil(np.log2(max(1, len(high)) / _STRANGERS_A_BUCKET)))))
    found: list[tuple[int, int]] = []
    for start in range(0, BITS - bits + 1, bits):
        keys = bands(high, low, start, bits)
        found += _seeds(keys, high, low, radius, least)
    if not found:
        return Cells(np.empty(0, np.int64), np.full(len(high), -1, np.int64))
    seeds = np.array(sorted(set(found)), np.uint64)
    centre_high, centre_low = _merged(seeds[:, 0].copy(), seeds[:, 1].copy(), radius // 2)
    cell, best = np.full(len(high), -1, np.int64), np.full(len(high), radius + 1, np.int64)
    for start in range(0, BITS - bits + 1, bits):
        centre_keys = bands(centre_high, centre_low, start, bits)
        order = np.argsort(centre_keys, kind="stable")
        _nearest(bands(high, low, start, bits), high, low, centre_keys, order, centre_high, centre_low, best, cell)
    cell[best > radius] = -1
    return _kept(cell, centre_high, centre_low, owner, least, least_owners)


def _seeds(
    keys: npt.NDArray[np.int64], high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], radius: int, least: int
) -> list[tuple[int, int]]:
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(order)]])
    out = []
    for start, end in zip(starts[ends - starts >= least], ends[ends - starts >= least], strict=True):
        members = order[start:end]
        signs = Signs(1)
        signs.add(high[members], low[members], np.zeros(len(members), np.int64))
        (mid_high,), (mid_low,) = majorities(signs.totals())
        near = np.bitwise_count(high[members] ^ mid_high) + np.bitwise_count(low[members] ^ mid_low) <= radius
        if near.sum() >= max(least, len(members) / 2):
            out.append((int(mid_high), int(mid_low)))
    return out


def _merged(
    high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], limit: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """One centre for seeds that are near each other: the majority of them."""
    parents = np.arange(len(high), dtype=np.int32)
    link_near(high, low, limit, parents)
    _, group = np.unique(roots(parents), return_inverse=True)
    signs = Signs(int(group.max()) + 1)
    signs.add(high, low, group)
    return majorities(signs.totals())


@njit(cache=True, nogil=True)
def _nearest(
    keys: Any, high: Any, low: Any, centre_keys: Any, order: Any, centre_high: Any, centre_low: Any, best: Any, cell: Any
) -> None:
    """Of the centres that share a band with a sketch, take the nearest so far; ties go to the earlier centre."""
    for i in range(len(keys)):
        at, end = 0, len(order)
        while at < end:
            middle = (at + end) // 2
            if centre_keys[order[middle]] < keys[i]:
                at = middle + 1
            else:
                end = middle
        while at < len(order) and centre_keys[order[at]] == keys[i]:
            c = order[at]
            apart = hamming(high[i], low[i], centre_high[c], centre_low[c])
            if apart < best[i] or (apart == best[i] and c < cell[i]):
                best[i], cell[i] = apart, c
            at += 1


def _kept(
    cell: npt.NDArray[np.int64],
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    owner: npt.NDArray[np.int64],
    least: int,
    least_owners: int,
) -> Cells:
    """Drop cells with too few members or owners, and name the others by their centres."""
    inside = cell >= 0
    n_members = np.bincount(cell[inside], minlength=len(high))
    pairs = np.unique(np.stack([cell[inside], owner[inside]], axis=1), axis=0)
    n_owners = np.bincount(pairs[:, 0], minlength=len(high))
    keep = np.flatnonzero((n_members >= least) & (n_owners >= least_owners))
    number = np.full(len(high) + 1, -1, np.int64)
    number[keep] = np.arange(len(keep))
    names = np.empty(len(keep), np.int64)
    _name(high[keep], low[keep], names)
    return Cells(names, number[cell])


@njit(cache=True, nogil=True)
def _name(high: Any, low: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = np.int64(mix(mix(high[i]) ^ low[i]))
