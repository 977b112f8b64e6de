"""Log-probabilities and the output head they come from."""

from collections.abc import Sequence

import numpy as np
import pytest

from stillwatch.methods.output_subspace import ranking_margin, residual_energy


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_own_log_probabilities_leave_nothing_and_others_nearly_all() -> None:
    """The residual of the head's own model is rounding; that of another head is about 1 - hidden/tokens."""
    rng = np.random.default_rng(1)
    head, other, states = rng.normal(size=(200, 12)), rng.normal(size=(200, 12)), rng.normal(size=(6, 12))

    own = residual_energy(head, _log_softmax(states @ head.T))
    theirs = residual_energy(head, _log_softmax(states @ other.T))

    assert own.max() < 1e-12
    assert np.all(np.abs(theirs - (1 - 12 / 199)) < 0.1)


def test_a_fine_tuned_head_leaves_little() -> None:
    """A head moved by one per cent leaves some 1e-4 of the energy."""
    rng = np.random.default_rng(2)
    head, states = rng.normal(size=(300, 10)), rng.normal(size=(8, 10))

    left = residual_energy(head, _log_softmax(states @ (head + 0.01 * rng.normal(size=head.shape)).T))

    assert 1e-5 < left.mean() < 1e-3


def test_a_head_of_lower_rank_is_no_excuse() -> None:
    """Dimensions that the head does not really have explain nothing."""
    rng = np.random.default_rng(3)
    narrow = rng.normal(size=(100, 3)) @ rng.normal(size=(3, 20))

    left = residual_energy(narrow, rng.normal(size=(50, 100)))

    assert abs(left.mean() - (1 - 3 / 99)) < 0.02
    assert residual_energy(narrow, np.zeros((1, 100)))[0] == 0.0


def test_too_few_tokens_are_no_test() -> None:
    """As many tokens as dimensions fit anything."""
    with pytest.raises(ValueError, match="more than 6"):
        residual_energy(np.ones((6, 5)), np.ones((1, 6)))


def _some_hidden_orders(head: np.ndarray, ranking: Sequence[int], tries: np.ndarray) -> bool:
    """Slow and obvious: does any of many hidden vectors give the order?"""
    for hidden in tries:
        logits = head @ hidden
        order = np.argsort(-logits)
        if order[: len(ranking)].tolist() == list(ranking):
            return True
    return False


def test_feasible_is_what_some_hidden_vector_does() -> None:
    """Every order that a search finds is feasible, and of the others most are not."""
    rng = np.random.default_rng(5)
    head, tries = rng.normal(size=(12, 2)), rng.normal(size=(4_000, 2))
    rankings = [rng.permutation(12)[:3] for _ in range(60)] + [np.argsort(-(head @ tries[i]))[:3] for i in range(20)]

    for ranking in rankings:
        assert (ranking_margin(head, ranking) > 0.0) == _some_hidden_orders(head, ranking.tolist(), tries)


def test_more_tokens_than_one_program_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constraints are added until none is violated; the answer is that of the whole program."""
    rng = np.random.default_rng(6)
    head, hidden = rng.normal(size=(3_000, 8)), rng.normal(size=8)
    own = np.argsort(-(head @ hidden))[:20]

    assert ranking_margin(head, own) > 0.0
    assert ranking_margin(head, rng.permutation(3_000)[:20]) == 0.0
    with pytest.raises(ArithmeticError, match="did not settle in 1 rounds"):
        ranking_margin(head, own, rounds=1)


def test_a_program_that_does_not_finish_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver without an answer is an error, not a verdict."""

    class Unsolved:
        status = 1
        message = "time limit"

    monkeypatch.setattr("stillwatch.methods.output_subspace.optimize.linprog", lambda *_, **__: Unsolved())

    with pytest.raises(ArithmeticError, match="time limit"):
        ranking_margin(np.eye(4), np.array([0, 1]))
