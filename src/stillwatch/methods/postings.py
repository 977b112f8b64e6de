"""
Which values do many different owners hold, and which values are held together: counts, sketches and agreement.

Three streaming passes with bounded memory. `Crowd` throws out what too few owners hold, by a table in which a slot
remembers its last owner and counts the changes: it errs only by keeping too much, so what comes later is exact
and independent of order. `Postings` counts the survivors exactly. `Sketches` keeps the 32 smallest hashes of the requests
that carry a value; two values belong together where these sketches agree.

References:
    Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
    Beyer et al., "On synopses for distinct-value estimation under multiset operations", SIGMOD 2007 (Jaccard by k minima).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods.cores import available_cores
from stillwatch.methods.fragments import keep_small
from stillwatch.methods.hashing import U, mix, ones
from stillwatch.methods.intern import Interner, number_of

SKETCH = 32
JOINED_MINIMA = 8  # two sets with a Jaccard of 0.5 share none of their eight smallest in under 1 % of cases
MAX_SHARING = 256  # values that share one minimum: more are compared to their neighbours in order only
_COMPACT_AT = 1 << 25
_SHARDS = 8  # of the pairs, by the value's number: sorted apart, on all cores, and only some of them twice in memory
_NONE = np.uint32(0xFFFFFFFF)


class Crowd:
    """
    A sieve for values that at least `least` owners hold; it drops none of them, and keeps few others.

    A slot knows its last owner by 24 bits of a hash. So that two owners who look alike there do not cost a value, one change
    fewer is asked for; a second such pair in one value has odds of 1 in 10^13.

    Args:
        least: Owners needed, 1…255.
        expected: Values to come; a table of four bytes for each, between 2^12 and 2^26 slots.
    """

    def __init__(self, least: int, expected: int) -> None:
        bits = min(26, max(12, int(expected).bit_length()))
        self._slots = np.zeros(1 << bits, np.uint32)
        self._needed = least - 1 if least > 2 else least

    def add(self, values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> None:
        """Count the values of lists; list i is values[offsets[i]:offsets[i + 1]] and belongs to owners[i]."""
        _crowd(self._slots, values, offsets, owners)

    def kept(
        self, values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The lists as `add` takes them, with only the values that may be held by enough owners."""
        out, new_offsets = np.empty(len(values), np.int64), np.zeros(len(offsets), np.int64)
        _kept(self._slots, self._needed, values, offsets, out, new_offsets)
        return out[: new_offsets[-1]].copy(), new_offsets


@njit(cache=True, nogil=True)
def _place(slots: Any, value: int) -> int:
    return int(mix(U(value)) & U(len(slots) - 1))


@njit(cache=True, nogil=True)
def _crowd(slots: Any, values: Any, offsets: Any, owners: Any) -> None:
    for i in range(len(owners)):
        tag = np.uint32(mix(U(owners[i])) >> U(40)) << np.uint32(8)
        for j in range(offsets[i], offsets[i + 1]):
            at = _place(slots, values[j])
            held = slots[at]
            count = held & np.uint32(255)
            if count < 255 and (count == 0 or (held >> np.uint32(8)) << np.uint32(8) != tag):
                slots[at] = np.uint32(tag | (count + np.uint32(1)))


@njit(cache=True, nogil=True)
def _kept(slots: Any, least: int, values: Any, offsets: Any, out: Any, new_offsets: Any) -> None:
    n = 0
    for i in range(len(offsets) - 1):
        for j in range(offsets[i], offsets[i + 1]):
            out[n] = values[j]
            n += (slots[_place(slots, values[j])] & np.uint32(255)) >= least  # without a branch: it could not be predicted
        new_offsets[i + 1] = n


class Postings:
    """Exact counts of requests and distinct owners for each value that is added."""

    def __init__(self) -> None:
        self.numbers = Interner()
        self._owners = Interner()
        self._counts = np.zeros(1 << 10, np.int64)
        self._pairs = [np.empty(0, np.uint64)] * _SHARDS
        self._waiting: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]] = []
        self._n_waiting = 0

    def add(self, values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> None:
        """Count the values of requests; request i carries values[offsets[i]:offsets[i + 1]] and is one of owners[i]."""
        numbers = self.numbers.add(values)
        if len(self.numbers) > len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros(2 * len(self.numbers) - len(self._counts), np.int64)])
        pairs, starts = np.empty(len(values), np.uint64), np.zeros(_SHARDS + 1, np.int64)
        _count(self._counts, numbers, offsets, self._owners.add(owners), pairs, starts)
        self._waiting.append((pairs, starts))
        self._n_waiting += len(values)
        if self._n_waiting >= _COMPACT_AT:
            self._compact()

    def counts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Values, requests and distinct owners of each, by number."""
        self._compact()
        owners = np.zeros(len(self.numbers), np.int64)
        for pairs in self._pairs:
            owners += np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=len(owners))
        return self.numbers.values.copy(), self._counts[: len(owners)].copy(), owners

    def _compact(self) -> None:
        """Keep each pair of value and owner once."""
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(self._compact_shard, range(_SHARDS)))
        self._waiting, self._n_waiting = [], 0

    def _compact_shard(self, shard: int) -> None:
        fresh = [pairs[starts[shard] : starts[shard + 1]] for pairs, starts in self._waiting]
        if fresh:
            together = np.concatenate(fresh)
            together.sort()
            self._pairs[shard] = _distinct(self._pairs[shard], together)


@njit(cache=True, nogil=True)
def _count(counts: Any, numbers: Any, offsets: Any, owners: Any, pairs: Any, starts: Any) -> None:
    """Count requests, and list pairs of number and owner by the number's shard."""
    for number in numbers:
        counts[number] += 1
        starts[number % _SHARDS + 1] += 1
    for shard in range(_SHARDS):
        starts[shard + 1] += starts[shard]
    filled = starts.copy()
    for i in range(len(owners)):
        owner = U(owners[i])
        for j in range(offsets[i], offsets[i + 1]):
            shard = numbers[j] % _SHARDS
            pairs[filled[shard]] = (U(numbers[j]) << U(32)) | owner
            filled[shard] += 1


@njit(cache=True, nogil=True)
def _distinct(first: Any, second: Any) -> Any:
    """Union of two sorted arrays, each value once."""
    out = np.empty(len(first) + len(second), np.uint64)
    i, j, n = 0, 0, 0
    while i < len(first) or j < len(second):
        if j >= len(second) or (i < len(first) and first[i] <= second[j]):
            value = first[i]
            i += 1
        else:
            value = second[j]
            j += 1
        if n == 0 or out[n - 1] != value:
            out[n] = value
            n += 1
    return out[:n].copy()


class Sketches:
    """
    For each known value the 32 smallest hashes of the requests that carry it.

    Args:
        values: The values to sketch, distinct.
    """

    def __init__(self, values: npt.NDArray[np.int64]) -> None:
        self.numbers = Interner()
        self.numbers.add(values)
        self.minima = np.full((len(values), SKETCH), _NONE, np.uint32)
        self.sizes = np.zeros(len(values), np.int32)

    def add(
        self, values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], requests: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.bool_]:
        """Sketch lists; list i belongs to the request whose hash is requests[i]. Returns which lists hold a known value."""
        known = np.zeros(len(requests), np.bool_)
        if len(self.sizes):
            _sketch(self.numbers.table, self.minima, self.sizes, values, offsets, requests, known)
        return known

    def components(self, agreement: float) -> npt.NDArray[np.int32]:
        """
        Component of each value, where values are linked whose postings have at least this Jaccard.

        Args:
            agreement: 0…1.

        Returns:
            (n,) int32: the smallest number in the value's component.
        """
        parents = np.arange(len(self.sizes), dtype=np.int32)
        keys = self.minima[:, :JOINED_MINIMA].reshape(-1)
        owners = np.repeat(parents, JOINED_MINIMA)[keys != _NONE]
        packed = (keys[keys != _NONE].astype(np.uint64) << np.uint64(32)) | owners.astype(np.uint64)
        packed.sort()
        _link(packed, self.minima, self.sizes, agreement, parents)
        return roots(parents)


@njit(cache=True, nogil=True)
def _sketch(table: Any, minima: Any, sizes: Any, values: Any, offsets: Any, requests: Any, known: Any) -> None:
    for i in range(len(requests)):
        small = np.uint32(requests[i] >> U(32))
        for j in range(offsets[i], offsets[i + 1]):
            at = number_of(table, values[j])
            if at >= 0:
                known[i] = True
                sizes[at] = keep_small(minima[at], sizes[at], SKETCH, small)


@njit(cache=True, nogil=True)
def jaccard(first: Any, n_first: int, second: Any, n_second: int) -> float:
    """
    Jaccard of two sets from their bottom-32 sketches, exact where both hold at most 32.

    Args:
        first: Sorted minima of one set.
        n_first: How many.
        second: Sorted minima of the other.
        n_second: How many.
    """
    i, j, n, shared = 0, 0, 0, 0
    full = n_first == SKETCH or n_second == SKETCH
    while (i < n_first or j < n_second) and not (full and n == SKETCH):
        if j >= n_second or (i < n_first and first[i] < second[j]):
            i += 1
        elif i >= n_first or second[j] < first[i]:
            j += 1
        else:
            shared += 1
            i += 1
            j += 1
        n += 1
    return shared / n if n else 0.0


@njit(cache=True, nogil=True)
def _root(parents: Any, x: int) -> int:
    while parents[x] != x:
        parents[x] = parents[parents[x]]
        x = parents[x]
    return x


@njit(cache=True, nogil=True)
def unite(parents: Any, first: int, second: int) -> None:
    """Join two members of a union-find forest; the smaller root stays."""
    a, b = _root(parents, first), _root(parents, second)
    if a != b:
        parents[max(a, b)] = min(a, b)


@njit(cache=True, nogil=True)
def roots(parents: Any) -> Any:
    """The smallest member of each member's set."""
    out = np.empty(len(parents), np.int32)
    for i in range(len(parents)):
        out[i] = _root(parents, i)
    return out


@njit(cache=True, nogil=True)
def _mark(minima: Any, sizes: Any, marks: Any, spare: Any) -> None:
    """A set of 256 bits for each sketch, one bit a value, and how many of its values found their bit taken."""
    for i in range(len(sizes)):
        for j in range(sizes[i]):
            word, bit = (minima[i, j] >> np.uint32(6)) & np.uint32(3), U(1) << U(minima[i, j] & np.uint32(63))
            spare[i] += (marks[i, word] & bit) != U(0)
            marks[i, word] |= bit


@njit(cache=True, nogil=True)
def _may_agree(marks: Any, spare: Any, sizes: Any, a: int, b: int, agreement: float) -> bool:
    """False only where too few values can be shared for `agreement`: a look at 256 bits saves nearly every `jaccard`."""
    shared = spare[a]
    for k in range(4):
        shared += np.int64(ones(marks[a, k] & marks[b, k]))
    if sizes[a] == SKETCH or sizes[b] == SKETCH:
        return shared >= agreement * SKETCH - 1e-6  # the sketch of the union is full
    return shared * (1.0 + agreement) >= agreement * (sizes[a] + sizes[b]) - 1e-6


@njit(cache=True, nogil=True)
def _link(packed: Any, minima: Any, sizes: Any, agreement: float, parents: Any) -> None:
    marks, spare = np.zeros((len(sizes), 4), np.uint64), np.zeros(len(sizes), np.int64)
    _mark(minima, sizes, marks, spare)
    start = 0
    while start < len(packed):
        end = start + 1
        while end < len(packed) and packed[end] >> U(32) == packed[start] >> U(32):
            end += 1
        if not _joined(packed, start, end, parents):
            _link_some(packed, start, end, minima, sizes, marks, spare, agreement, parents)
        start = end


@njit(cache=True, nogil=True)
def _joined(packed: Any, start: int, end: int, parents: Any) -> bool:
    """Are all of these in one component already? Values that travel together meet in eight places."""
    root = _root(parents, np.int64(packed[start] & U(0xFFFFFFFF)))
    for i in range(start + 1, end):  # noqa: SIM110  numba compiles loops, not all()
        if _root(parents, np.int64(packed[i] & U(0xFFFFFFFF))) != root:
            return False
    return True


@njit(cache=True, nogil=True)
def _link_some(
    packed: Any, start: int, end: int, minima: Any, sizes: Any, marks: Any, spare: Any, agreement: float, parents: Any
) -> None:
    for i in range(start, end):
        a = np.int64(packed[i] & U(0xFFFFFFFF))
        root = _root(parents, a)
        for j in range(i + 1, min(end, i + 1 + MAX_SHARING)):
            b = np.int64(packed[j] & U(0xFFFFFFFF))
            if _root(parents, b) == root:
                continue
            if not _may_agree(marks, spare, sizes, a, b, agreement):
                continue
            if jaccard(minima[a], sizes[a], minima[b], sizes[b]) >= agreement:
                unite(parents, a, b)
                root = _root(parents, a)
