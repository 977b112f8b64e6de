"""
The MMD window test (Liu, Guo and Dong, arXiv 2606.05725): does a window of traffic come from where benign traffic comes from?

Our own implementation from the paper: prompts are embedded, and the maximum mean discrepancy of a window and of benign history
(Gretton et al., JMLR 13, 2012, equation 5, Gaussian kernel, median bandwidth) is held against permutations of the two. Where
we differ: the embedding is latent semantic analysis of the log itself and not a sentence encoder, whose weights can't be had
offline; and the paper names no accounts, so all accounts of a window get its score, an account that of its worst window.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.quality.baselines.rules import Scores, actions
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

WINDOW = 1_500  # requests; the paper's default
SMALLEST = 50  # requests of a network or an action, below which it makes no window
DIMENSIONS = 64
PERMUTATIONS = 199  # with the observed one: p in steps of 1/200
ALARM = 0.01
_TIE = 2_000.0  # of equal p, the larger MMD² (0…2) counts; 1/2000 of it stays below the smallest step of -log10 p


@dataclass(frozen=True, slots=True)
class Tested:
    """One window: places of its requests in the log, MMD² against benign history, and p by permutation."""

    rows: Ints
    mmd2: float
    p: float


def embedded(prompts: list[str]) -> Floats:
    """Unit vectors, (n, DIMENSIONS)."""
    words = TfidfVectorizer(max_features=50_000, sublinear_tf=True, token_pattern=r"\w+").fit_transform(prompts)
    reduced = TruncatedSVD(min(DIMENSIONS, words.shape[1] - 1), random_state=1).fit_transform(words)
    return np.asarray(normalize(reduced), np.float32)


def in_time(log: pa.Table) -> Iterator[Ints]:
    """All traffic, in windows one after the other."""
    return _cut(np.argsort(np.asarray(log["seen_at"].cast(pa.int64())), kind="stable"))


def of_networks(log: pa.Table) -> Iterator[Ints]:
    """The traffic of each autonomous system."""
    return _cut_each(log, log["asn"].fill_null(0).to_pylist())


def of_actions(log: pa.Table) -> Iterator[Ints]:
    """The traffic of each system prompt, or of each beginning of a prompt: what a log shows of recipes."""
    return _cut_each(log, actions(log))


WINDOWS: Mapping[str, Callable[[pa.Table], Iterator[Ints]]] = {
    "MMD, all traffic": in_time,
    "MMD, each network": of_networks,
    "MMD, each recipe": of_actions,
}


def two_sample(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """
    MMD² of two samples and its permutation p-value, which is exact: the observed split counts as one of the permutations.

    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=(2, 60, 3)).astype(np.float32)
    >>> two_sample(x, y + 2, rng)[1], two_sample(x, y, rng)[1] > 0.01
    (0.005, True)
    """
    both = np.concatenate((x, y))
    squares = (both**2).sum(1)
    distance = np.maximum(squares[:, None] + squares[None, :] - 2.0 * both @ both.T, 0.0)
    kernel = np.exp(-distance / max(float(np.median(distance[:500, -500:])), 1e-9))
    side = np.where(np.arange(len(both)) < len(x), 1.0 / len(x), -1.0 / len(y)).astype(np.float32)
    sides = np.stack([side, *(rng.permutation(side) for _ in range(PERMUTATIONS))], axis=1)
    found = (sides * (kernel @ sides)).sum(0)
    return float(found[0]), float((found >= found[0] - 1e-9).mean())


def tested(vectors: Floats, windows: Iterator[Ints], benign: npt.NDArray[np.bool_], seed: int) -> list[Tested]:
    """
    Every window against as many benign requests from outside it; one that leaves too few of them is left out.

    Args:
        vectors: Of all requests of the log.
        windows: Places in it.
        benign: Which of them are known to be; the history that the paper asks for.
        seed: Of the draws.
    """
    rng, out = np.random.default_rng(seed), []
    for rows in windows:
        history = benign.copy()
        history[rows] = False
        drawn = rng.permutation(np.flatnonzero(history))[: len(rows)]
        if len(drawn) >= SMALLEST:
            out.append(Tested(rows, *two_sample(vectors[rows], vectors[drawn], rng)))
    return out


def scores(log: pa.Table, windows: list[Tested]) -> Scores:
    """-log10 p of an account's worst window, 0 where it is in none."""
    accounts = np.array(log["account_id"].to_pylist())
    best: Scores = dict.fromkeys(accounts.tolist(), 0.0)
    for window in windows:
        score = -float(np.log10(window.p)) + window.mmd2 / _TIE
        for account in np.unique(accounts[window.rows]).tolist():
            best[account] = max(best[account], score)
    return best


def _cut(rows: Ints) -> Iterator[Ints]:
    for first in range(0, len(rows), WINDOW):
        window = rows[first : first + WINDOW]
        if len(window) >= SMALLEST:
            yield window


def _cut_each(log: pa.Table, names: Sequence[object]) -> Iterator[Ints]:
    order = np.argsort(np.asarray(log["seen_at"].cast(pa.int64())), kind="stable")
    by_name: dict[object, list[int]] = {}
    for row in order.tolist():
        by_name.setdefault(names[row], []).append(row)
    for rows in by_name.values():
        yield from _cut(np.array(rows))
