"""A signature from what was kept of two texts: the newest turn of an exchange and its system prompt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stillwatch.methods import semantic
from stillwatch.methods.hashing import U, borrowed, mix, sip
from stillwatch.signatures import shape
from stillwatch.signatures.scan import MAX_FILL, MAX_FRAGMENTS, MAX_TOKENS, Scanned, Scanner

_U0 = U(0)


@dataclass(frozen=True, slots=True)
class Lists:
    """Of each exchange some values: those of row i are values[starts[i]:starts[i + 1]]."""

    values: npt.NDArray[Any]
    starts: npt.NDArray[np.int32]  # (n + 1,)


@dataclass(frozen=True, slots=True)
class Room:
    """What texts of exchanges are scanned and joined into, 1.9 kB each, to be used again: new pages for each batch cost time."""

    scanned: Scanned
    fragments: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int32]
    fill: npt.NDArray[np.int32]

    @classmethod
    def of(cls, n: int) -> "Room":
        """For `n` exchanges."""
        fragments, tokens, fill = (
            np.empty(n * MAX_FRAGMENTS, np.int64),
            np.empty(n * MAX_TOKENS, np.int32),
            np.empty(n * MAX_FILL, np.int32),
        )
        return cls(Scanned.empty(n), fragments, tokens, fill)


@dataclass(frozen=True, slots=True)
class Joined:
    """The signature columns of `n` exchanges."""

    exact: npt.NDArray[np.int64]
    fragments: Lists  # of int64
    contract: npt.NDArray[np.int64]
    has_contract: npt.NDArray[np.bool_]
    high: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    tokens: Lists  # of int32
    fill: Lists  # of int32
    logits: npt.NDArray[np.int8]  # (n, 5)
    n_words: npt.NDArray[np.int32]
    has_text: npt.NDArray[np.bool_]


def join(
    scanner: Scanner, prompts: Scanned, systems: Scanned, prompt_of: npt.NDArray[np.int64], system_of: npt.NDArray[np.int64],
    tools: npt.NDArray[np.uint64], biases: npt.NDArray[np.float64], scale: float, room: Room,
) -> Joined:  # fmt: skip
    """
    One signature an exchange from its newest turn and its system prompt.

    Args:
        scanner: Tables and seeds.
        prompts: Scanned newest turns.
        systems: Scanned distinct system prompts.
        prompt_of: (n,) row of `prompts`, -1 where the exchange has none.
        system_of: (n,) row of `systems`, -1 where the exchange has none.
        tools: (n,) value of the set of tools, 0 where there are none.
        biases: (5,) of S7, in logits.
        scale: Logits a unit of weight.
        room: Where the lists go, for n exchanges; until it is used again.
    """
    n = len(prompt_of)
    out = Joined(
        np.zeros(n, np.int64),
        Lists(room.fragments, np.zeros(n + 1, np.int32)),
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        Lists(room.tokens, np.zeros(n + 1, np.int32)),
        Lists(room.fill, np.zeros(n + 1, np.int32)),
        np.zeros((n, 5), np.int8),
        np.zeros(n, np.int32),
        (prompt_of >= 0) | (system_of >= 0),
    )
    plain = (out.exact, out.contract, out.has_contract, out.high, out.low, out.logits, out.n_words)
    lists = tuple((one.values, one.starts) for one in (out.fragments, out.tokens, out.fill))
    nothing = Scanned.empty(1).arrays()
    _join(
        scanner.seeds, prompts.arrays(), systems.arrays(), nothing, prompt_of, system_of, tools, biases, scale, plain,
        (lists[0][0], lists[1][0], lists[2][0]), (lists[0][1], lists[1][1], lists[2][1]),
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _union(first: Any, n_first: int, second: Any, n_second: int, limit: int, out: Any, start: int) -> int:
    """Write the smallest `limit` distinct values of two sorted rows into `out` from `start` on; returns how many."""
    if n_second == 0 or n_first == 0:
        kept, only = min(max(n_first, n_second), limit), first if n_second == 0 else second
        for k in range(kept):
            out[start + k] = only[k]
        return kept
    i, j, n = 0, 0, 0
    while n < limit and (i < n_first or j < n_second):
        if j >= n_second or (i < n_first and first[i] <= second[j]):
            value = first[i]
            i += 1
        else:
            value = second[j]
            j += 1
        if n == 0 or out[start + n - 1] != value:
            out[start + n] = value
            n += 1
    return n


@njit(cache=True, nogil=True, inline="always")
def _held(scanned: Any) -> Any:
    """The arrays of `Scanned`, without their reference counts: one of two is chosen, and looked into, a row."""
    a, b, c, d, e, f, g, h, i, j, k, l, m = scanned  # noqa: E741
    return (
        borrowed(a), borrowed(b), borrowed(c), borrowed(d), borrowed(e), borrowed(f), borrowed(g), borrowed(h), borrowed(i),
        borrowed(j), borrowed(k), borrowed(l), borrowed(m),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _join(
    seeds: Any, prompts: Any, systems: Any, nothing: Any, prompt_of: Any, system_of: Any, tools: Any, biases: Any, scale: float,
    plain: Any, values: Any, starts: Any,
) -> None:  # fmt: skip
    exact, contract, has_contract, high, low, logits, n_words = plain
    prompts, systems, nothing, logits = _held(prompts), _held(systems), _held(nothing), borrowed(logits)
    fragments, tokens, fill = borrowed(values[0]), borrowed(values[1]), borrowed(values[2])
    elements = np.empty(shape.MAX_ELEMENTS, np.uint64)
    scratch = borrowed(elements)
    n_fragments, n_tokens, n_fill = 0, 0, 0
    for i in range(len(prompt_of)):
        p, s = max(prompt_of[i], 0), max(system_of[i], 0)
        one = prompts if prompt_of[i] >= 0 else nothing
        two = systems if system_of[i] >= 0 else nothing
        value = shape.contract_of(one[9][p], one[10][p], two[9][s], two[10][s], tools[i], scratch)
        if value != _U0:
            contract[i] = np.int64(sip(value, seeds[8], seeds[9]))
            has_contract[i] = True
        if prompt_of[i] >= 0 or system_of[i] >= 0:
            exact[i] = np.int64(sip(mix(one[0][p]) + two[0][s], seeds[0], seeds[1]))
            n_words[i] = one[1][p] + two[1][s]
            counted = (int(one[3][p]), int(two[3][s]), int(one[5][p]), int(two[5][s]))
            n_fragments += _union(one[2][p], counted[0], two[2][s], counted[1], MAX_FRAGMENTS, fragments, n_fragments)
            n_tokens += _union(one[4][p], counted[2], two[4][s], counted[3], MAX_TOKENS, tokens, n_tokens)
            for k in range(one[7][p]):
                fill[n_fill + k] = one[6][p, k]
            n_fill += int(one[7][p])
            high[i], low[i] = semantic.signs_of(one[8][p], two[8][s])
            n_features = one[12][p] + two[12][s]
            for j in range(5):
                logit = biases[j]
                if n_features > 0:
                    logit += scale * (one[11][p][j] + two[11][s][j]) / np.sqrt(n_features)
                logits[i, j] = np.int8(min(127, max(-128, round(16 * logit))))
        starts[0][i + 1], starts[1][i + 1], starts[2][i + 1] = n_fragments, n_tokens, n_fill
