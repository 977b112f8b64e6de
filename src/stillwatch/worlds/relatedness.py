"""An order of conversations in which neighbours have words in common, so that what one account is dealt belongs together."""

import re
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy import sparse

from stillwatch.worlds.corpora import Conversations
from stillwatch.worlds.hashing import mix, tag, unit

I64 = npt.NDArray[np.int64]

_BUCKETS = 1 << 14
_DIMENSIONS = 24
_ROUNDS = 3
_LEAF = 6  # conversations: about what one account is dealt
_WORD = re.compile(r"[^\W\d_]{4,}")
_HEAD_CHARS = 4_000  # of a conversation that are read


def related_order(known: Conversations) -> I64:
    """
    A permutation of the conversations.

    Latent semantic analysis (Deerwester et al. 1990) of hashed words, then splits at the median of the widest direction.
    Cost: seconds for some ten thousand conversations.
    """
    if len(known) < 4 * _DIMENSIONS:
        return np.arange(len(known))
    counts = _hashed_words(known)
    weights = sparse.diags(np.log(counts.shape[0] / (1.0 + np.asarray((counts > 0).sum(0)).ravel())).clip(0))
    return _split(_directions(counts.sign() @ weights), np.arange(len(known)))


def _directions(matrix: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """
    Unit vectors of the rows in the widest directions (randomised subspace iteration, Halko et al. 2011, algorithm 4.4).

    Why not scipy's svds: its restarts draw from a generator of their own, so two runs differ. Rounded, so that the last bits of
    another machine's arithmetic move nothing.
    """
    start = unit(mix(tag("directions"), np.arange(matrix.shape[1] * _DIMENSIONS))) - 0.5
    basis = np.linalg.qr(matrix @ start.reshape(matrix.shape[1], _DIMENSIONS))[0]
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(matrix @ (matrix.T @ basis))[0]
    projected = (matrix.T @ basis).T
    left, strength, _ = np.linalg.svd(projected, full_matrices=False)
    points = (basis @ left) * strength
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(np.round(points / np.where(norms > 0, norms, 1.0), 6), np.float64)


def _hashed_words(known: Conversations) -> sparse.csr_matrix:
    prompts = known.texts.prompts.to_pylist()
    rows: list[int] = []
    columns: list[int] = []
    buckets: dict[str, int] = {}
    for i in range(len(known)):
        text = " ".join(prompts[known.starts[i] : known.starts[i + 1]])[:_HEAD_CHARS].lower()
        for word in set(_WORD.findall(text)):
            if word not in buckets:
                buckets[word] = crc32(word.encode()) % _BUCKETS
            rows.append(i)
            columns.append(buckets[word])
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(known), _BUCKETS))


def _split(points: npt.NDArray[np.float64], rows: I64) -> I64:
    if len(rows) <= _LEAF:
        return rows
    widest = int(np.argmax(points[rows].var(0)))
    order = rows[np.argsort(points[rows, widest], kind="stable")]
    middle = len(order) // 2
    return np.concatenate([_split(points, order[:middle]), _split(points, order[middle:])])
