"""
Do log-probabilities lie where one output head can put them?

A model's logits are its output head times a hidden vector, so they fill only as many dimensions as the hidden state has.
Log-probabilities differ from logits by one constant a position, hence one more dimension, that of all ones.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

_LONGEST_PROGRAM_S = 60.0
_TOLERANCE = 1e-9  # relative to a head whose rows have unit scale; HiGHS itself works to 1e-7


def residual_energy(head: NDArray[np.float64], log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Share of the energy of centred log-probabilities that the head's column space cannot explain.

    Near 0 for the head's own model and its fine-tuned children, near 1 - hidden/tokens for noise. Blind when there are no more
    tokens than hidden dimensions. Cost: one QR of the head, tokens × hidden².

    Args:
        head: `(n_tokens, hidden)` rows of the output head, any subset of the vocabulary with more rows than `hidden` + 1.
        log_probs: `(n_positions, n_tokens)` natural-log probabilities of the same tokens.

    Returns:
        `(n_positions,)` shares, 0…1.

    Raises:
        ValueError: too few tokens for the head's dimension.

    References:
        Finlayson et al., "Logits of API-protected LLMs leak proprietary information" (2403.09539), section 3.

    >>> head = np.random.default_rng(1).normal(size=(50, 4))
    >>> bool(residual_energy(head, (head @ np.ones(4))[None, :] - 3.0)[0] < 1e-12)
    True
    """
    n_tokens, hidden = head.shape
    if n_tokens <= hidden + 1:
        raise ValueError(f"{n_tokens} tokens cannot test a head of dimension {hidden}: more than {hidden + 1} are needed")
    basis, triangle = np.linalg.qr(head - head.mean(axis=0))
    kept = basis[:, np.abs(np.diagonal(triangle)) > 1e-10 * np.abs(triangle).max()]
    centred = log_probs - log_probs.mean(axis=1, keepdims=True)
    total = np.einsum("ij,ij->i", centred, centred)
    explained = centred @ kept
    left = total - np.einsum("ij,ij->i", explained, explained)
    return np.asarray(np.clip(left, 0.0, None) / np.maximum(total, np.finfo(np.float64).tiny), dtype=np.float64)


def ranking_margin(head: NDArray[np.float64], ranking: NDArray[np.int64], rounds: int = 60) -> float:
    """
    Largest margin by which some hidden vector puts the tokens of `ranking` in that order and above all others.

    Above 0: the head can produce the ranking. 0.0: it cannot. Few tokens are no test: a ranking much shorter than the hidden
    dimension is feasible for strangers too, so measure shuffled rankings beside it. Solved by linear programs over a growing
    set of violated constraints, so that a whole vocabulary never enters one program.

    Args:
        head: `(n_tokens, hidden)`.
        ranking: `(k,)` row numbers, most likely first, all different.
        rounds: growing steps at most.

    Returns:
        The margin, in units of the rows' root mean square with hidden entries in -1…1.

    Raises:
        ArithmeticError: a program took longer than a minute, or the set of constraints did not settle.

    References:
        "Token rankings" (2606.04459): feasibility of top-k rankings; the growing set is Kelley's cutting planes (1960).

    >>> head = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> bool(ranking_margin(head, np.array([0, 1])) > 0), bool(ranking_margin(np.ones((3, 2)), np.array([0, 1])) > 0)
    (True, False)
    """
    scale = float(np.sqrt(np.mean(np.square(head)))) or 1.0
    rows = np.asarray(head, dtype=np.float64) / scale
    ordered = rows[ranking[:-1]] - rows[ranking[1:]]
    others = np.delete(np.arange(len(rows)), ranking)
    last = rows[ranking[-1]]
    chosen: NDArray[np.int64] = others[:0]
    for _ in range(rounds):
        hidden, margin = _best_hidden(np.vstack([ordered, last - rows[chosen]]))
        slack = (last - rows[others]) @ hidden - margin
        worst = others[np.argsort(slack)[:200]]
        new = np.setdiff1d(worst[np.sort(slack)[:200] < -_TOLERANCE * 1e3], chosen)
        if margin <= _TOLERANCE:
            return 0.0
        if not len(new):
            return margin
        chosen = np.concatenate([chosen, new])
    raise ArithmeticError(f"the linear programs did not settle in {rounds} rounds")


def _best_hidden(differences: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The hidden vector in the unit box with the largest smallest product, and that product."""
    n_rows, hidden = differences.shape
    solved = optimize.linprog(
        np.r_[np.zeros(hidden), -1.0],
        A_ub=np.hstack([-differences, np.ones((n_rows, 1))]),
        b_ub=np.zeros(n_rows),
        bounds=[(-1.0, 1.0)] * hidden + [(None, 1e6)],
        method="highs",
        options={"time_limit": _LONGEST_PROGRAM_S},
    )
    if solved.status != 0:
        raise ArithmeticError(f"the linear program did not finish: {solved.message}")
    return np.asarray(solved.x[:hidden]), float(solved.x[-1])
