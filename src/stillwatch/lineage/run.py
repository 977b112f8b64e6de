"""Run every test that the operands permit, name the others with the reason, and correct for having asked so often."""

from collections.abc import Sequence
from dataclasses import replace

from stillwatch.errors import EndpointError, LineageError
from stillwatch.lineage.base import Comparison, Given, LineageTest, Operand, Result, Skipped, Verdict, stands, why_not
from stillwatch.methods.holm import holm_log10


def compare(suspect: Operand, bases: Sequence[Operand], tests: Sequence[LineageTest], given: Given) -> Comparison:
    """
    Put one suspect against candidate bases.

    Holm's correction covers every result that carries a p-value, over all candidates and tests of this run. A verdict
    on a p-value that no longer stands at `given.alpha` after it becomes *no power*.

    Args:
        suspect: The model in question.
        bases: Candidate bases, each with its own name.
        tests: Tests to try, in the order of the report.
        given: Seed, level, and what the owner handed over.

    A model behind an address that stops answering ends only the tests that asked it: what they had not yet said is named as
    failed, and the others go on.

    Raises:
        LineageError: two bases share a name, or an operand cannot be used.
    """
    names = tuple(base.name for base in bases)
    if not bases or len(set(names)) != len(names):
        raise LineageError("give at least one base, each once: two candidates with one name cannot be told apart in the result")
    results: list[Result] = []
    skipped: list[Skipped] = []
    for test in tests:
        for said in _ask(test, suspect, bases, given):
            (results if isinstance(said, Result) else skipped).append(said)  # type: ignore[arg-type]  # narrowed by the condition
    return Comparison(suspect.name, names, given, _corrected(results, given.alpha), tuple(skipped))


def _ask(test: LineageTest, suspect: Operand, bases: Sequence[Operand], given: Given) -> list[Result | Skipped]:
    alone = why_not(test, suspect, None, given)
    if alone is not None:
        return [Skipped(test.name, None, alone)]
    reasons = {base.name: why_not(test, suspect, base, given) for base in bases}
    fit = [base for base in bases if reasons[base.name] is None]
    said: list[Result | Skipped] = [Skipped(test.name, name, why) for name, why in reasons.items() if why is not None]
    try:
        for one in test.run(suspect, fit, given) if fit else ():
            said.append(one)  # noqa: PERF402  # what was said before an endpoint failed stays said
    except EndpointError as error:
        heard = {one.base for one in said}
        said += [Skipped(test.name, base.name, str(error), failed=True) for base in fit if base.name not in heard]
    return said


def _corrected(results: list[Result], alpha: float) -> tuple[Result, ...]:
    asked = [(i, r.log10_p) for i, r in enumerate(results) if r.log10_p is not None]
    adjusted = holm_log10([p for _, p in asked])
    corrected = list(results)
    for (i, _), log10_p in zip(asked, adjusted, strict=True):
        holds = stands(log10_p, alpha)
        claims = results[i].verdict in (Verdict.REJECT, Verdict.CALIBRATED, Verdict.EXCLUDED)
        corrected[i] = replace(
            results[i],
            holm_log10_p=log10_p,
            verdict=Verdict.NO_POWER if claims and not holds else results[i].verdict,
            sentence=results[i].sentence
            if holds or not claims
            else f"{results[i].sentence} After Holm over {len(asked)} results it no longer stands at {alpha:g}.",
        )
    return tuple(corrected)
