"""Words that many accounts use tell nobody from anybody: they are counted over a sample of accounts, and left out."""

from dataclasses import dataclass
from typing import Self

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.engine.base import Engine

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]

DF_ACCOUNTS = 20_000  # accounts sampled for word frequencies: a share of 0.5 % is then known within 10 %
SMALL_LOG_ACCOUNTS, SMALL_LOG_SHARE = 50.0, 0.05  # a rare word may be held by 50 accounts, but never by a twentieth of all
_BUCKETS = 1 << 22  # of a first count; a word is looked at again only if its bucket holds as many uses as it needs accounts


def common_words(engine: Engine, accounts: Ints, share: float) -> Ints:
    """
    Ascending digests of the words that more than `share` of the accounts use.

    Two passes over the words of the sampled accounts: uses by bucket, then accounts of the words in full buckets.

    Args:
        accounts: All accounts of the log, ascending.
    """
    every = max(1, len(accounts) // DF_ACCOUNTS)
    least = common_from(share, len(accounts) / every)
    sampled = accounts[np.fmod(accounts, every) == 0]
    sql = f"SELECT account, tokens FROM signatures WHERE account % {every} = 0"
    uses = np.zeros(_BUCKETS, np.uint32)
    for batch in engine.batches(sql):
        _count(flat(batch.column("tokens"))[1], uses)
    full = uses > least
    words, numbers = np.zeros(1 << 10, np.int64), np.full(1 << 10, -1, np.int32)
    holders, n_words = np.zeros((0, len(sampled) // 64 + 1), np.uint64), 0
    for batch in engine.batches(sql):
        offsets, values = flat(batch.column("tokens"))
        account = np.searchsorted(sampled, batch.column("account").to_numpy()).astype(np.int32)
        n_words, room = _enter(values, full, words, numbers, n_words)
        while not room:
            words, numbers = _grown(words, numbers)
            n_words, room = _enter(values, full, words, numbers, n_words)
        if n_words > len(holders):
            more = np.zeros((max(n_words - len(holders), len(holders)), holders.shape[1]), np.uint64)
            holders = np.concatenate([holders, more])
        _mark(offsets, values, account, full, words, numbers, holders)
    n_accounts = _popcount(holders)
    return np.sort(words[numbers >= 0][n_accounts[numbers[numbers >= 0]] > least])


def common_from(share: float, n_accounts: float) -> float:
    """Accounts from which a word is common; in small logs more than their share, or no word would be left to return to."""
    return max(share * n_accounts, min(SMALL_LOG_ACCOUNTS, SMALL_LOG_SHARE * n_accounts))


def without(offsets: Ints, values: Words, common: "Leftout") -> tuple[Ints, Words]:
    """Lists without the common words, as offsets and values."""
    return _without(offsets, values, common.words, common.numbers)


@dataclass(frozen=True, slots=True)
class Leftout:
    """Words to leave out, as an open-addressed table at most a quarter full."""

    words: Ints
    numbers: npt.NDArray[np.int32]

    @classmethod
    def of(cls, common: Ints) -> Self:
        """Of digests, each once."""
        room = 1 << max(10, 2 + len(common).bit_length())
        words, numbers = np.zeros(room, np.int64), np.full(room, -1, np.int32)
        _enter_all(common, np.arange(len(common), dtype=np.int32), words, numbers)
        return cls(words, numbers)


def flat(column: pa.Array) -> tuple[Ints, Words]:
    """Offsets from 0 and values of an array of lists; a null list is an empty one."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets, column.flatten().to_numpy(zero_copy_only=False)


@numba.njit(cache=True, nogil=True)
def _bucket(value: np.int32) -> np.int64:
    return np.int64((np.uint32(value) * np.uint32(0x9E3779B1)) & np.uint32(0xFFFFFFFF)) >> np.int64(10)


@numba.njit(cache=True, nogil=True)
def _count(values: Words, uses: npt.NDArray[np.uint32]) -> None:
    for value in values:
        uses[_bucket(value)] += np.uint32(1)


@numba.njit(cache=True, nogil=True)
def _find(value: np.int32, words: Ints, numbers: npt.NDArray[np.int32]) -> np.int64:
    """The slot of a word in an open-addressed table, or the free one that it would get."""
    mask = len(words) - 1
    slot = _bucket(value) & mask
    while numbers[slot] >= 0 and words[slot] != value:
        slot = (slot + 1) & mask
    return slot


@numba.njit(cache=True, nogil=True)
def _enter(
    values: Words, full: npt.NDArray[np.bool_], words: Ints, numbers: npt.NDArray[np.int32], n_words: int
) -> tuple[int, bool]:
    """Number words of full buckets that are new; False where the table must grow first."""
    for value in values:
        if full[_bucket(value)]:
            slot = _find(value, words, numbers)
            if numbers[slot] < 0:
                if 2 * n_words >= len(words):
                    return n_words, False
                words[slot] = value
                numbers[slot] = n_words
                n_words += 1
    return n_words, True


def _grown(words: Ints, numbers: npt.NDArray[np.int32]) -> tuple[Ints, npt.NDArray[np.int32]]:
    more, their = np.zeros(4 * len(words), np.int64), np.full(4 * len(words), -1, np.int32)
    held = np.flatnonzero(numbers >= 0)
    _enter_all(words[held], numbers[held], more, their)
    return more, their


@numba.njit(cache=True, nogil=True)
def _enter_all(values: Ints, held: npt.NDArray[np.int32], words: Ints, numbers: npt.NDArray[np.int32]) -> None:
    for i in range(len(values)):
        slot = _find(np.int32(values[i]), words, numbers)
        words[slot], numbers[slot] = values[i], held[i]


@numba.njit(cache=True, nogil=True)
def _mark(
    offsets: Ints,
    values: Words,
    account: npt.NDArray[np.int32],
    full: npt.NDArray[np.bool_],
    words: Ints,
    numbers: npt.NDArray[np.int32],
    holders: npt.NDArray[np.uint64],
) -> None:
    """Set the bit of each account in the row of each word that it uses."""
    for i in range(len(offsets) - 1):
        cell, bit = account[i] >> 6, np.uint64(1) << np.uint64(account[i] & 63)
        for j in range(offsets[i], offsets[i + 1]):
            if full[_bucket(values[j])]:
                number = numbers[_find(values[j], words, numbers)]
                holders[number, cell] |= bit


@numba.njit(cache=True, nogil=True)
def _popcount(holders: npt.NDArray[np.uint64]) -> Ints:
    out = np.zeros(len(holders), np.int64)
    for i in range(holders.shape[0]):
        for j in range(holders.shape[1]):
            bits = holders[i, j]
            while bits:
                bits &= bits - np.uint64(1)
                out[i] += 1
    return out


@numba.njit(cache=True, nogil=True)
def _without(offsets: Ints, values: Words, words: Ints, numbers: npt.NDArray[np.int32]) -> tuple[Ints, Words]:
    new_offsets = np.zeros(len(offsets), np.int64)
    kept = np.empty(len(values), np.int32)
    at = 0
    for i in range(len(offsets) - 1):
        for j in range(offsets[i], offsets[i + 1]):
            kept[at] = values[j]
            at += numbers[_find(values[j], words, numbers)] < 0
        new_offsets[i + 1] = at
    return new_offsets, kept[:at]
