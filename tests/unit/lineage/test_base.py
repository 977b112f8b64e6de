"""What a lineage test is handed and may say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.base import (
    Given,
    GivenKind,
    LineageTest,
    Needs,
    Offer,
    Operand,
    Result,
    Skipped,
    Verdict,
    as_class,
    print_p,
    why_not,
)
from stillwatch.lineage.panel import Panel


class Some:
    """An operand that offers what it is told to."""

    def __init__(self, *offers: Offer) -> None:
        self._offers = frozenset(offers)

    @property
    def name(self) -> str:
        """A name."""
        return "some"

    @property
    def offers(self) -> frozenset[Offer]:
        """As told."""
        return self._offers

    def digests(self) -> Mapping[str, str]:
        """None."""
        return {}


class Asks:
    """A test with two ways to be run."""

    name: ClassVar[str] = "asks"
    needs: ClassVar[tuple[Needs, ...]] = (
        Needs(frozenset({Offer.ENDPOINT}), frozenset({Offer.WEIGHTS}), frozenset({GivenKind.KEY})),
        Needs(frozenset({Offer.TEXTS}), frozenset({Offer.TEXTS})),
    )

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """Nothing."""
        yield from ()


def told(**changes: object) -> Result:
    """A result with changes."""
    plain = Result("t", "s", "b", Verdict.NO_POWER, "nothing", "independent", exact=True, log10_p=-1.0)
    return replace(plain, **changes)  # type: ignore[arg-type]  # names and values of the test at hand


def test_a_test_runs_where_one_of_its_ways_is_open() -> None:
    """
    Either way is enough; where none is open both are explained; the suspect alone is asked about the suspect alone.
    """
    test: LineageTest = Asks()
    endpoint, texts, weights = Some(Offer.ENDPOINT), Some(Offer.TEXTS), Some(Offer.WEIGHTS)
    keyed = Given(key_file=Path("key"))

    assert why_not(test, endpoint, weights, keyed) is None
    assert why_not(test, texts, texts, Given()) is None
    assert why_not(test, endpoint, None, Given()) is None
    assert why_not(test, weights, None, Given()) == "the suspect offers no endpoint or the suspect offers no texts"
    assert why_not(test, endpoint, weights, Given()) == (
        "--key was not given or the suspect offers no texts, the base offers no texts"
    )


def test_given_tells_what_it_has() -> None:
    """
    Only what was handed over counts.
    """
    assert Given().kinds == frozenset()
    assert Given(panel=Panel("p", ()), order_file=Path("o")).kinds == {GivenKind.PANEL, GivenKind.ORDER}


@pytest.mark.parametrize("wrong", [{"permutations": 98}, {"alpha": 0.0}, {"alpha": 0.5}, {"prompts": 0}, {"samples": 1}])
def test_a_run_that_could_show_nothing_is_refused(wrong: dict[str, int]) -> None:
    """
    Too few draws or samples, or a level that is none.
    """
    with pytest.raises(ValueError, match="must"):
        Given(**wrong)  # type: ignore[arg-type]  # the wrong value is the point


def test_a_result_cannot_say_more_than_it_may() -> None:
    """
    Only an exact p-value rejects, a calibrated verdict names its panel, and p is at most one.
    """
    for wrong in (
        {"verdict": Verdict.REJECT, "exact": False},
        {"verdict": Verdict.REJECT, "log10_p": None},
        {"verdict": Verdict.CALIBRATED},
        {"log10_p": 0.1},
        {"holm_log10_p": float("nan")},
    ):
        with pytest.raises(ValueError, match="t: "):
            told(**wrong)
    assert told(verdict=Verdict.CALIBRATED, panel_id="p").verdict == "calibrated"


def test_small_p_values_are_printed_with_their_model() -> None:
    """
    Below 1e-12 the number is one of the assumptions, and is printed so.
    """
    assert print_p(-11.9) == "1.3e-12"
    assert print_p(-12.1) == "< 1e-12 (log10 = -12 under the stated model)"
    assert print_p(0.0) == "1"
    with pytest.raises(ValueError, match="at most 0"):
        print_p(1.0)


def test_an_operand_of_another_class_is_refused() -> None:
    """
    A test gets the class it asks for or an error that names the operand.
    """
    some = Some()

    assert as_class(some, Some) is some
    with pytest.raises(LineageError, match="some: this test needs asks"):
        as_class(some, Asks)
