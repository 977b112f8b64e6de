"""The tests of a document run again on the models themselves."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.checkpoints import LLAMA, noisy, random_state, write_folder

from stillwatch.lineage import TESTS
from stillwatch.lineage.again import as_stored, run_again
from stillwatch.lineage.base import Given
from stillwatch.lineage.bundle import Outcome
from stillwatch.lineage.document import document
from stillwatch.lineage.run import compare
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust
from stillwatch.records.lineage import LineageDocument

STATE = random_state(LLAMA, 1)
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def family(tmp_path: Path) -> list[Weights]:
    """A child, its base, and a stranger."""
    states = {"child": noisy(STATE, 0.1, 2), "base": STATE, "stranger": random_state(LLAMA, 3)}
    return [open_weights(write_folder(tmp_path / name, state, LLAMA), name) for name, state in states.items()]


@pytest.fixture
def made(family: list[Weights]) -> LineageDocument:
    """What the weights tests say of the child."""
    found = compare(family[0], family[1:], [WeightsExact(), WeightsRobust()], Given(seed=5, permutations=199))
    return document(found, family, NOW)


def test_the_models_give_the_stored_p_values_again(family: list[Weights], made: LineageDocument) -> None:
    """
    With the stored seed, draws and level, whatever the operands are called now.
    """
    suspect, first = as_stored(made, [family[0].named("suspect")], (made.suspect,))
    bases, second = as_stored(made, [one.named(f"moved {one.name}") for one in reversed(family[1:])], made.bases)

    checks = list(run_again(made, suspect[0], bases, TESTS, Given()))

    assert [base.name for base in bases] == ["stranger", "base"]
    assert len(checks) == 4
    assert {check.outcome for check in (*first, *second, *checks)} == {Outcome.HOLDS}
    assert "under the stated model" in checks[0].words


def test_stored_numbers_that_the_models_do_not_give_fail(family: list[Weights], made: LineageDocument) -> None:
    """
    A document whose numbers agree with each other and with nothing else is found out.
    """
    forged = replace(made, results=tuple(replace(r, log10_p=-9.0, statistic=3.0) for r in made.results))

    checks = list(run_again(forged, family[0], family[1:], TESTS, Given()))

    assert {check.outcome for check in checks} == {Outcome.FAILS}
    assert "stored is 1e-09" in checks[0].words


def test_other_files_are_not_taken_for_the_stored_ones(tmp_path: Path, family: list[Weights], made: LineageDocument) -> None:
    """
    One changed weight, or a changed tokenizer or config beside it, is another operand; one base counts once.
    """
    state = dict(STATE)
    state["model.norm.weight"] = state["model.norm.weight"] + 1e-6
    changed = open_weights(write_folder(tmp_path / "changed", state, LLAMA))
    retold = open_weights(write_folder(tmp_path / "retold", STATE, LLAMA | {"head_dim": 4}))

    found, checks = as_stored(made, [changed, retold, family[1], family[1]], ("base",))

    assert [one.name for one in found] == ["base"]
    assert [check.outcome for check in checks] == [Outcome.FAILS, Outcome.FAILS, Outcome.HOLDS, Outcome.FAILS]


def test_what_cannot_be_run_again_is_named(family: list[Weights], made: LineageDocument) -> None:
    """
    A test this version does not have, operands that do not permit it, a panel that is not here, a base that gives nothing.
    """
    robust = next(r for r in made.results if r.test == "weights-robust" and r.base == "base")
    no_panel = replace(made, results=(replace(robust, panel_id="panel-other"),))
    texts = Texts("base", (), "")
    narrow = LLAMA | {"hidden_size": 16, "intermediate_size": 32, "head_dim": 4}
    odd = open_weights(write_folder(Path(family[1].beside[0]).parent / "odd", random_state(narrow, 1), narrow), "base")

    def words(stored: LineageDocument, base: Weights | Texts) -> list[tuple[Outcome, str]]:
        return [(c.outcome, c.words) for c in run_again(stored, family[0], [base], [WeightsExact(), WeightsRobust()], Given())]

    (_, gone) = run_again(replace(made, results=made.results[:2]), family[0], family[1:], [], Given())
    (left_out,) = run_again(replace(made, results=made.results[1:2]), family[0], family[1:2], TESTS, Given())
    made = replace(made, results=tuple(r for r in made.results if r.base == "base"))
    assert (left_out.outcome, left_out.words) == (Outcome.NOT_HERE, "this base was not given")
    assert (gone.outcome, "no test of that name" in gone.words) == (Outcome.NOT_HERE, True)
    assert all(o is Outcome.NOT_HERE and "the base offers no weights" in w for o, w in words(made, texts))
    assert all(o is Outcome.NOT_HERE and "give it with --panel" in w for o, w in words(no_panel, family[1]))
    assert words(made, odd)[0][0] is Outcome.FAILS
