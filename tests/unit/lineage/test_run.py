"""One run over all tests and candidates."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pytest

from stillwatch.errors import EndpointError, LineageError
from stillwatch.lineage.base import Given, Needs, Offer, Operand, Result, Skipped, Verdict
from stillwatch.lineage.run import compare


class Named:
    """An operand with weights, or without."""

    def __init__(self, name: str, *offers: Offer) -> None:
        self._name, self._offers = name, frozenset(offers)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def offers(self) -> frozenset[Offer]:
        """What it offers."""
        return self._offers

    def digests(self) -> Mapping[str, str]:
        """None."""
        return {}


class Says:
    """A test that says the p-values it is told, one a base."""

    name: ClassVar[str] = "says"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(frozenset({Offer.WEIGHTS}), frozenset({Offer.WEIGHTS})),)

    def __init__(self, p: list[float | None], verdict: Verdict = Verdict.REJECT) -> None:
        self.p, self.verdict = p, verdict

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result a base; skipped where it has no p."""
        for base, p in zip(bases, self.p, strict=True):
            if p is None:
                yield Skipped(self.name, base.name, "a closer look")
            else:
                yield Result(
                    self.name, suspect.name, base.name, self.verdict, "It is.", "null", exact=True, log10_p=math.log10(p)
                )


WITH = Offer.WEIGHTS
A, B, C, MUTE = Named("a", WITH), Named("b", WITH), Named("c", WITH), Named("mute")


def test_holm_covers_all_candidates_and_tests() -> None:
    """
    What no longer stands after the correction is withdrawn, in verdict and words; what stands keeps both.
    """
    found = compare(A, [B, C], [Says([1e-6, 0.004]), Says([0.004, 0.5])], Given(alpha=0.01))

    assert [r.verdict for r in found.results] == [Verdict.REJECT, Verdict.NO_POWER, Verdict.NO_POWER, Verdict.NO_POWER]
    assert [10 ** (r.holm_log10_p or 0.0) for r in found.results] == pytest.approx([4e-6, 0.012, 0.012, 0.5])
    assert found.results[0].sentence == "It is."
    assert found.results[1].sentence == "It is. After Holm over 4 results it no longer stands at 0.01."


def test_a_verdict_that_claims_nothing_is_left_alone() -> None:
    """
    "compatible" and "no power" need no level.
    """
    found = compare(A, [B], [Says([0.9], Verdict.COMPATIBLE), Says([0.9], Verdict.NO_POWER)], Given())

    assert [r.verdict for r in found.results] == [Verdict.COMPATIBLE, Verdict.NO_POWER]
    assert {r.sentence for r in found.results} == {"It is."}


def test_tests_that_cannot_run_are_named_with_the_reason() -> None:
    """
    A base that offers too little is skipped alone; a suspect that does, for all.
    """
    some = compare(A, [MUTE, B, C], [Says([0.5, None])], Given())
    none = compare(MUTE, [B, C], [Says([0.5, 0.5])], Given())

    assert [(s.base, s.reason) for s in some.skipped] == [("mute", "the base offers no weights"), ("c", "a closer look")]
    assert [r.base for r in some.results] == ["b"]
    assert [(s.base, s.reason) for s in none.skipped] == [(None, "the suspect offers no weights")]
    assert none.results == ()


@pytest.mark.parametrize("bases", [[], [B, B]])
def test_candidates_need_names_of_their_own(bases: list[Operand]) -> None:
    """
    No candidate, or the same name twice, is refused.
    """
    with pytest.raises(LineageError, match="at least one base, each once"):
        compare(A, bases, [Says([0.5])], Given())


class Breaks(Says):
    """A test whose suspect stops answering after the first base."""

    name: ClassVar[str] = "breaks"

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result, then the end."""
        yield from super().run(suspect, bases[:1], given)
        raise EndpointError("http://127.0.0.1#m: no answer")


def test_an_endpoint_that_fails_ends_only_the_tests_that_asked_it() -> None:
    """
    What was said before stays, what was not is named as failed, and the other tests run.
    """
    found = compare(A, [B, C, MUTE], [Breaks([0.5]), Says([0.5, 0.5])], Given())

    assert [(r.test, r.base) for r in found.results] == [("breaks", "b"), ("says", "b"), ("says", "c")]
    assert [(s.test, s.base, s.failed) for s in found.skipped] == [
        ("breaks", "mute", False),
        ("breaks", "c", True),
        ("says", "mute", False),
    ]
    assert found.skipped[1].reason == "http://127.0.0.1#m: no answer"
