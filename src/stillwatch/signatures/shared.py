"""
What a log has in common with what peers look for: digests under the key that all members of an exchange hold for a while.

The house's own digests tell a peer nothing and cannot be compared with his. So where an epoch's key is known, the one pass over
the text also makes these: a template as 128 bytes (keyed MinHash, one byte a permutation), a contract as 64 bits. They stay
beside the signatures, and with them the sampling settings as they are: those have few values, so a key would hide nothing, and
peers' behaviours (sharing/sigma) name them. Works for wording that many requests share. Blind to paraphrase. Without the key
two sketches of one template agree as often as chance (1 in 256 a byte), so a guess cannot be confirmed; whoever holds the key
can confirm one, hence the floors of sharing/export.

References:
    Broder, "On the resemblance and containment of documents", 1997. b-bit truncation: Li and König, "b-Bit Minwise
    Hashing", WWW 2010. Secret functions: Liang et al., CiC 1(4), 2024. Figures: docs/research.md, exchange.
"""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from stillwatch.methods.hashing import sip
from stillwatch.privacy import Key
from stillwatch.records.tables import SHARED_CONTRACTS, SHARED_SETTINGS, SHARED_SKETCHES, SKETCH_BYTES
from stillwatch.signatures.build import contracts

SHINGLE_WORDS = 4
MAX_SHINGLES = 1_024  # of an exchange: a template of 120 words, the most that is shared, is 0.7 alike to at most 167 runs
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "auto")  # what providers document; budgets are digits
_KNOWN_WORDS = 200_000  # digests kept; a language has fewer words in use
_SLOT = re.compile(r"[…⟨⟩]+|‹[^›]*›|<[^>]*>|\{[^}]*\}|\d[\d.,:/-]*")
_WORD = re.compile(r"[^\W\d_]+")
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)  # minimum of no shingle

Minima = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Epoch:
    """
    The key that all members share for a while, and its public name.

    Args:
        name: For example `2026q4`.
        key: 32 random bytes from the exchange's operator.
    """

    name: str
    key: Key

    def __post_init__(self) -> None:
        if re.fullmatch(r"[a-z0-9-]{1,16}", self.name) is None:
            raise ValueError("an epoch's name has 1 to 16 of a-z, 0-9 and dash, for example 2026q4")


def parts(text: str) -> list[list[str]]:
    """
    The words of a text between its slots; slots, numbers, names in brackets and case are taken out (`dx-norm-1`).

    >>> parts("Rate the answer of ⟨…⟩ from 1 to 10 with great care")
    [['rate', 'the', 'answer', 'of'], ['from'], ['to'], ['with', 'great', 'care']]
    """
    clean = unicodedata.normalize("NFKC", text.replace("…", "⟨⟩")).lower()  # NFKC would make three dots of a slot
    return [words for part in _SLOT.split(clean) if (words := _WORD.findall(part))]


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """
    Runs of four words that stand between slots.

    >>> sorted(shingles("Rate the answer of ⟨…⟩ from 1 to 10 with great care"))
    [('rate', 'the', 'answer', 'of')]
    """
    return frozenset(tuple(words[i : i + SHINGLE_WORDS]) for words in parts(text) for i in range(len(words) - SHINGLE_WORDS + 1))


def sketches(texts: Iterable[str], epoch: Epoch) -> list[bytes | None]:
    """
    The sketches of many texts, in their order: 128 bytes, or None where a text has no four words in a row.

    Cost: some 40 microseconds a hundred words in Python, and as much again in the kernel.
    """
    return [bytes(_cut(found)) if n else None for found, n in _all_minima(texts, epoch, None)]


def shared_tables(exchanges: pa.RecordBatch, first_row: int, epoch: Epoch) -> tuple[pa.Table, pa.Table]:
    """
    The shared sketches and contracts of a batch.

    An exchange is found by its newest turn, by its system prompt, or by both together; equal sketches stand once, with the rows
    that have them. Texts of more than 1,024 runs of four words are passed over: no template that is shared is like them.

    Cost: some 0.1 ms a distinct text of a hundred words, and the contract once more.

    Args:
        exchanges: Rows of `exchanges`; columns that are missing count as null.
        first_row: The `row` of the first exchange; the others follow.
        epoch: Keys every digest.

    Returns:
        Tables of `shared_sketches` and `shared_contracts`.
    """
    rows = np.arange(first_row, first_row + exchanges.num_rows)
    return _sketch_table(exchanges, rows, epoch), _contract_table(exchanges, rows, epoch)


def settings_table(exchanges: pa.RecordBatch, first_row: int) -> pa.Table:
    """
    The sampling settings of a batch, as they are: a table of `shared_settings`.

    Args:
        exchanges: Rows of `exchanges`; columns that are missing count as null.
        first_row: The `row` of the first exchange; the others follow.
    """
    rows = pa.array(np.arange(first_row, first_row + exchanges.num_rows))
    columns = {"row": rows} | {c.name: _setting(exchanges, c.name, c.type) for c in SHARED_SETTINGS.columns[1:]}
    effort = columns["reasoning_effort"]
    usual = pc.or_kleene(pc.is_in(effort, value_set=pa.array(EFFORTS)), pc.match_substring_regex(effort, "^[0-9]{1,6}$"))
    columns["reasoning_effort"] = pc.if_else(usual, effort, pa.scalar(None, pa.string()))
    table = pa.table(columns)
    any_set = functools.reduce(pc.or_, [pc.is_valid(table[c.name]) for c in SHARED_SETTINGS.columns[1:]])
    return table.filter(any_set).cast(SHARED_SETTINGS.schema)


def _setting(exchanges: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    place = exchanges.schema.get_field_index(name)
    return pa.nulls(exchanges.num_rows, kind) if place < 0 else exchanges.column(place).cast(kind)


def _sketch_table(exchanges: pa.RecordBatch, rows: npt.NDArray[np.int64], epoch: Epoch) -> pa.Table:
    (system, n_system, system_of), (prompt, n_prompt, prompt_of) = (
        _minima_of(_text(exchanges, name), epoch) for name in ("system_prompt", "prompt")
    )
    pairs, of_pair = np.unique(np.stack([system_of, prompt_of], 1), axis=0, return_inverse=True)
    whole = (n_system[pairs[:, 0]] > 0) & (n_prompt[pairs[:, 1]] > 0)
    whole &= n_system[pairs[:, 0]] + n_prompt[pairs[:, 1]] <= MAX_SHINGLES
    both = np.minimum(system[pairs[:, 0]], prompt[pairs[:, 1]])
    made = np.concatenate([_cut(system), _cut(prompt), _cut(both)])
    usable = np.concatenate([n_system > 0, n_prompt > 0, whole])
    place = np.concatenate([system_of, len(system) + prompt_of, len(system) + len(prompt) + of_pair.reshape(-1)])
    keep = usable[place]
    place, carriers = place[keep], np.tile(rows, 3)[keep]
    if not len(place):
        return SHARED_SKETCHES.schema.empty_table()
    raw = np.ascontiguousarray(made).view(f"V{SKETCH_BYTES}").reshape(-1)
    distinct, same = np.unique(raw[place], return_inverse=True)
    held = np.unique(np.stack([same.reshape(-1), carriers], 1), axis=0)  # prompt and both may be one
    offsets = np.searchsorted(held[:, 0], np.arange(len(distinct) + 1)).astype(np.int32)
    columns = [
        pa.array([epoch.name] * len(distinct), pa.string()),
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(SKETCH_BYTES), len(distinct), [None, pa.py_buffer(distinct.tobytes())]),
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(held[:, 1])),
    ]
    return pa.table(columns, names=list(SHARED_SKETCHES.names)).cast(SHARED_SKETCHES.schema)


def _contract_table(exchanges: pa.RecordBatch, rows: npt.NDArray[np.int64], epoch: Epoch) -> pa.Table:
    found = contracts(exchanges, epoch.key)
    known = pc.is_valid(found)
    table = pa.table({"row": rows, "epoch": pa.array([epoch.name] * len(rows), pa.string()), "contract": found})
    return table.filter(known).cast(SHARED_CONTRACTS.schema)


def _text(exchanges: pa.RecordBatch, name: str) -> pa.Array:
    place = exchanges.schema.get_field_index(name)
    empty = place < 0 or pa.types.is_null(exchanges.schema.field(place).type)
    return pa.nulls(exchanges.num_rows, pa.string()) if empty else exchanges.column(place)


def _minima_of(texts: pa.Array, epoch: Epoch) -> tuple[Minima, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Minima and numbers of shingles of the distinct texts, the last of them of no text; and which of them each row has."""
    encoded = texts.cast(pa.large_string()).dictionary_encode()
    found = list(_all_minima(encoded.dictionary.to_pylist(), epoch, MAX_SHINGLES))
    minima = np.stack([one for one, _ in found] + [np.full(SKETCH_BYTES, _NONE)])
    which = pc.fill_null(encoded.indices, len(found)).to_numpy(zero_copy_only=False).astype(np.int64)
    return minima, np.array([n for _, n in found] + [0]), which


def _all_minima(texts: Iterable[str], epoch: Epoch, most: int | None) -> Iterable[tuple[Minima, int]]:
    """Smallest keyed hash of the shingles of each text, one a permutation, and how many there are; 0 of texts with more."""
    digest, keys = _word_digest(epoch.key), _keys(epoch.key)
    for text in texts:
        words = _digests(parts(text), digest)
        found = np.full(SKETCH_BYTES, _NONE)
        too_many = most is not None and _n_shingles(words) > most
        yield found, 0 if too_many else _minima(words, keys, found)


def _digests(split: Sequence[Sequence[str]], digest: Any) -> npt.NDArray[np.uint64]:
    words: list[int] = []
    for part in split:
        words += map(digest, part)
        words.append(0)
    return np.array(words, np.uint64)


def _n_shingles(words: npt.NDArray[np.uint64]) -> int:
    runs = np.diff(np.flatnonzero(words == 0), prepend=-1) - 1
    return int(np.maximum(runs - SHINGLE_WORDS + 1, 0).sum())


def _cut(minima: Minima) -> npt.NDArray[np.uint8]:
    return (minima & np.uint64(0xFF)).astype(np.uint8)


@functools.lru_cache(maxsize=8)
def _word_digest(key: Key) -> Any:
    """Keyed 64-bit digests of words, never 0, remembered."""

    @functools.lru_cache(maxsize=_KNOWN_WORDS)
    def digest(word: str) -> int:
        return (key.digest("dx word", word) & 0xFFFFFFFFFFFFFFFF) or 1

    return digest


@functools.lru_cache(maxsize=8)
def _keys(key: Key) -> npt.NDArray[np.uint64]:
    """A SipHash key a permutation, and one for the shingles at the end; (129, 2), the same on every machine."""
    raw = b"".join(
        hashlib.blake2b(i.to_bytes(4, "little"), key=key.secret[:64], person=b"dx minhash", digest_size=16).digest()
        for i in range(SKETCH_BYTES + 1)
    )
    return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(SKETCH_BYTES + 1, 2)


@njit(cache=True, nogil=True)
def _minima(words: Any, keys: Any, out: Any) -> int:
    """
    The smallest keyed hash of the shingles, one a permutation; returns the number of shingles.

    Args:
        words: Digests in order, 0 where a slot stands; uint64.
        keys: (129, 2) uint64.
        out: (128,) uint64, left as it is where there is no shingle.
    """
    n = 0
    last = len(keys) - 1
    runs = np.empty(len(words), np.uint64)
    for i in range(len(words) - 3):
        if words[i] == 0 or words[i + 1] == 0 or words[i + 2] == 0 or words[i + 3] == 0:
            continue
        run = words[i]
        for j in range(1, 4):
            run = sip(run, keys[last, 0], keys[last, 1]) ^ words[i + j]
        runs[n] = sip(run, keys[last, 0], keys[last, 1])
        n += 1
    if n:
        for p in range(len(out)):
            least = sip(runs[0], keys[p, 0], keys[p, 1])
            for i in range(1, n):
                least = min(least, sip(runs[i], keys[p, 0], keys[p, 1]))
            out[p] = least
    return n
