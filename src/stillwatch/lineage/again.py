"""
The tests of a document, run again on the models themselves.

`bundle.check` computes each p-value from stored numbers, which anybody can do but which trusts whoever stored them. Here the
numbers are not used: operands are held against the stored digests, and the same tests run on them with the stored seed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stillwatch.lineage.base import Given, LineageTest, Operand, Result, Skipped, print_p, why_not
from stillwatch.lineage.bundle import Check, Outcome
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.weights import Weights
from stillwatch.records.lineage import LineageDocument, ResultRecord

_TOLERANCE = 1e-3  # of a log10 p-value, relative: sums of float32 products differ between machines in their last digits


def as_stored(document: LineageDocument, operands: Sequence[Operand], names: Sequence[str]) -> tuple[list[Operand], list[Check]]:
    """
    The operands whose digests are stored, under the names that the document gives them, and one check an operand.

    Args:
        names: Those of the role that they play: the suspect's, the bases', the strangers'.
    """
    left, found, checks = list(names), [], []
    for operand in operands:
        digests = sorted(operand.digests().values())
        stored = (n for n in left if digests and digests == sorted(d.sha256 for d in document.digests if d.operand == n))
        name = next(stored, None)
        if name is None:
            words = f"not those that were read as {' or '.join(left) or 'one more'}"
            checks.append(Check(f"files of {operand.name}", Outcome.FAILS, words))
            continue
        left.remove(name)
        found.append(_renamed(operand, name))
        checks.append(Check(f"files of {operand.name}", Outcome.HOLDS, f"those that were read as {name}"))
    return found, checks


def run_again(
    document: LineageDocument, suspect: Operand, bases: Sequence[Operand], tests: Sequence[LineageTest], given: Given
) -> Iterator[Check]:
    """
    Every p-value of the document, computed from the operands; one check each.

    Args:
        suspect, bases: Under their stored names.
        given: What the owner hands over again; seed, draws and level are taken from the document.
    """
    given = replace(given, seed=document.seed, permutations=document.permutations, alpha=document.alpha)
    by_name = {test.name: test for test in tests}
    for result in document.results:
        base = next((b for b in bases if b.name == result.base), None)
        if result.log10_p is not None:
            yield _again(result, by_name.get(result.test), suspect, base, given)


def _again(result: ResultRecord, test: LineageTest | None, suspect: Operand, base: Operand | None, given: Given) -> Check:
    what = f"{result.test} against {result.base}, run again"
    if base is None:
        return Check(what, Outcome.NOT_HERE, "this base was not given")
    if test is None:
        return Check(what, Outcome.NOT_HERE, "this version of Stillwatch has no test of that name")
    reason = why_not(test, suspect, base, given)
    if reason is not None:
        return Check(what, Outcome.NOT_HERE, reason)
    (said,) = test.run(suspect, [base], given)
    if isinstance(said, Skipped):
        return Check(what, Outcome.FAILS, f"it cannot be run: {said.reason}")
    return _held_against(what, result, said)


def _held_against(what: str, result: ResultRecord, said: Result) -> Check:
    if said.panel_id != result.panel_id:
        return Check(what, Outcome.NOT_HERE, f"calibrated on {result.panel_id}, which is not here: give it with --panel")
    assert result.log10_p is not None
    stored = print_p(result.log10_p)
    if said.log10_p is None:
        return Check(what, Outcome.FAILS, f"no p-value, stored is {stored}")
    same = math.isclose(said.log10_p, result.log10_p, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    words = f"p {print_p(said.log10_p)} from the models themselves"
    return Check(what, Outcome.HOLDS if same else Outcome.FAILS, words if same else f"{words}, stored is {stored}")


def _renamed(operand: Operand, name: str) -> Operand:
    if isinstance(operand, Weights):
        return operand.named(name)
    return replace(operand, name=name) if isinstance(operand, Texts) else operand
