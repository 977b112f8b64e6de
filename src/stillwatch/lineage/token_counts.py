"""
Does the endpoint cut text as the candidate's tokenizer does? Seen from `usage.prompt_tokens` alone.

What a chat template adds is the same for every probe, so each count is taken less that of a plain one. A tokenizer is inherited
far more often than changed: agreement on all probes is strong, and still only *compatible*, for a stranger may share it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import ClassVar

import orjson

from stillwatch.errors import EndpointError, LineageError
from stillwatch.lineage import probes
from stillwatch.lineage.base import Given, MatrixPicture, Needs, Offer, Operand, Part, Result, Skipped, Verdict, as_class
from stillwatch.lineage.endpoint import Endpoint, usage_faults
from stillwatch.lineage.tokenizers import of_weights
from stillwatch.lineage.weights import Weights

PANEL_FORMAT = "stillwatch.lineage.tokenizers/1"
PANEL_FILE = "tokenizer_panel.json"
_ENOUGH_TO_EXCLUDE = 2  # one differing probe alone may be a gateway that rewrites that kind of text
_REPEATS = (1, 2, 4)  # lines of plain words; a tokenizer's cost grows by equal steps
_KINDS = tuple(kind for kind, _ in probes.PROBES)

Differences = tuple[int, ...]
"""Tokens of each probe less those of the plain one, in the order of `probes.PROBES`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an endpoint's usage says: differences, and each way in which it contradicts itself."""

    differences: Differences
    faults: tuple[str, ...]


@dataclass(frozen=True)
class TokenCounts:
    """
    Hold an endpoint's token counts against each candidate's tokenizer.

    Works for every API that reports usage. Blind between models that share a tokenizer, and to an endpoint that makes its
    counts up consistently with one tokenizer. Cost: some thirty questions of one answer token.

    References:
        Separation of real tokenizers, and chance agreement a probe: benchmarks/quality/lineage.
    """

    name: ClassVar[str] = "tokenizer-counts"
    needs: ClassVar[tuple[Needs, ...]] = (
        Needs(frozenset({Offer.ENDPOINT}), frozenset({Offer.VOCABULARY})),
        Needs(frozenset({Offer.ENDPOINT}), frozenset({Offer.ENDPOINT})),
    )

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result a base; *no power* for all where the endpoint's counts contradict themselves."""
        measured = measure(as_class(suspect, Endpoint))
        panel = load_tokenizers()
        for base in bases:
            try:
                expected = _expected(base)
            except EndpointError as error:
                yield Skipped(self.name, base.name, str(error), failed=True)
                continue
            except LineageError as error:
                yield Skipped(self.name, base.name, str(error))
                continue
            yield self._judge(suspect.name, base.name, measured, expected, panel)

    def _judge(self, suspect: str, base: str, measured: Measured, expected: Measured, panel: Mapping[str, Differences]) -> Result:
        seen, told = measured.differences, expected.differences
        unequal = [kind for kind, a, b in zip(_KINDS, seen, told, strict=True) if a != b]
        faults = measured.faults + tuple(f"of the base: {fault}" for fault in expected.faults) + _scaled(seen, told)
        verdict, sentence = _verdict(base, unequal, faults)
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=verdict,
            sentence=f"{sentence} {_beside(seen, told, panel)}",
            null="none: the counts are compared, not drawn",
            exact=False,
            statistic=float(len(seen) - 1 - len(unequal)),
            n=len(seen) - 1,
            assumptions=("the endpoint reports the tokens of its own tokenizer", "the gateway does not rewrite the probes"),
            parts=tuple(
                Part(kind, 1, float(a), None, f"{b} predicted" + ("" if a == b else ", differs"))
                for kind, a, b in zip(_KINDS[1:], seen[1:], told[1:], strict=True)
            ),
            pictures=(_picture(suspect, base, seen, told, panel),),
        )


def measure(endpoint: Endpoint) -> Measured:
    """Ask an endpoint what every probe costs, and look for lies."""
    texts = [probes.wrapped(text) for _, text in probes.PROBES]
    ladder = [probes.wrapped("\n".join(["plain words"] * n)) for n in _REPEATS]
    usages = endpoint.count_tokens(texts + ladder)
    again = endpoint.count_tokens(texts[:2], sample=1)
    faults = [fault for usage, text in zip(usages, texts + ladder, strict=True) for fault in usage_faults(usage, text, 1)]
    counts = [usage.prompt_tokens or 0 for usage in usages]
    differences = tuple(count - counts[0] for count in counts[: len(texts)])
    if [usage.prompt_tokens for usage in again] != counts[:2]:
        faults.append("the same text costs another number of tokens when sent again")
    return Measured(differences, tuple(dict.fromkeys([*faults, *_inconsistencies(differences, counts[len(texts) :])])))


def _inconsistencies(differences: Differences, ladder: Sequence[int]) -> Iterator[str]:
    bodies = [len(text.encode()) for _, text in probes.PROBES]
    if len(set(differences)) == 1:
        yield "every probe costs the same"
        return
    if any(d > size for d, size in zip(differences, bodies, strict=True)):
        yield "a probe costs more tokens than it has bytes"
    if any(d < 0 for d in differences):
        yield "a long probe costs less than a single word"
    one, two, four = ladder
    if abs((four - two) - 2 * (two - one)) > 1:
        yield "its count does not grow in step with the text"


def _scaled(seen: Differences, told: Differences) -> tuple[str, ...]:
    """A fault where the counts are the candidate's times one factor: made up, but from its tokenizer."""
    factor = sum(seen) / max(sum(told), 1)
    if abs(factor - 1.0) < 0.02 or any(abs(a - factor * b) > 1.0 for a, b in zip(seen, told, strict=True)):
        return ()
    return (f"its counts are those of this candidate times {factor:.2f}",)


def _verdict(base: str, unequal: Sequence[str], faults: Sequence[str]) -> tuple[Verdict, str]:
    n = len(_KINDS) - 1
    if faults:
        return Verdict.NO_POWER, f"The endpoint's usage cannot be trusted: {'; '.join(faults)}."
    if not unequal:
        return Verdict.COMPATIBLE, f"All {n} probes cost what the tokenizer of {base} predicts."
    if len(unequal) < _ENOUGH_TO_EXCLUDE:
        return Verdict.NO_POWER, f"All probes but '{unequal[0]}' cost what {base} predicts; one alone decides nothing."
    return (
        Verdict.EXCLUDED,
        f"{len(unequal)} of {n} probes cost another number of tokens than {base} predicts: {', '.join(unequal[:3])}.",
    )


def _beside(seen: Differences, told: Differences, panel: Mapping[str, Differences]) -> str:
    others = {name: counts for name, counts in panel.items() if counts != told}
    alike = sorted(name for name, counts in panel.items() if counts == seen)
    chances = [sum(c[i] == told[i] for c in others.values()) / max(len(others), 1) for i in range(1, len(told))]
    mean = sum(chances) / len(chances)
    whole = sum(counts == told for counts in others.values())
    words = (
        f"Of {len(others)} other tokenizers {whole} agree with it on every probe; one probe agrees by chance"
        f" in {mean:.0%} of the cases (at most {max(chances):.0%})."
    )
    return words + (f" The endpoint counts as {' and '.join(alike)}." if alike else "")


def _picture(suspect: str, base: str, seen: Differences, told: Differences, panel: Mapping[str, Differences]) -> MatrixPicture:
    rows = {suspect: seen, base: told, **panel}
    return MatrixPicture(
        "Tokens of each probe, less those of the plain one",
        tuple(rows),
        _KINDS[1:],
        tuple(tuple(float(v) for v in counts[1:]) for counts in rows.values()),
    )


def _expected(base: Operand) -> Measured:
    if isinstance(base, Endpoint):
        return measure(base)
    counter = of_weights(as_class(base, Weights))
    counts = [counter.count(probes.wrapped(text)) for _, text in probes.PROBES]
    return Measured(tuple(count - counts[0] for count in counts), ())


def load_tokenizers() -> dict[str, Differences]:
    """Differences of the tokenizers that Stillwatch ships counts of, by name."""
    tree = orjson.loads(resources.files("stillwatch.lineage").joinpath(PANEL_FILE).read_bytes())
    if tree["format"] != PANEL_FORMAT or tree["probes"] != probes.digest():
        raise LineageError(f"{PANEL_FILE}: made for other probes. Run benchmarks/quality/lineage/real_tokenizers.py")
    return {row["name"]: tuple(c - row["counts"][0] for c in row["counts"]) for row in tree["tokenizers"]}
