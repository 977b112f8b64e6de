"""
Does the suspect remember *when* the owner's model saw each text? Later texts are remembered better.

The owner's training order is a shuffle that nobody else knows, so under the null it has nothing to do with the suspect: an
exact test, whatever the suspect was trained on, and however likely it finds the texts.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from stillwatch.errors import LineageError, QuestionError
from stillwatch.lineage.base import (
    Given,
    GivenKind,
    Needs,
    NullPicture,
    Offer,
    Operand,
    Part,
    Result,
    Skipped,
    StripPicture,
    Verdict,
    print_p,
    speaks_against,
)
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.proof import by_order, recompute
from stillwatch.lineage.speech import Spoken
from stillwatch.lineage.texts import Texts
from stillwatch.methods.rank_order import ALL_ORDERS, spearman_log10_p, spearman_null

_FEWEST = 9  # texts: 9! orders give p below the level that an exact test rejects at
_SHUFFLES = 99_999  # the fewest whose floor reaches that level
_STRIPS = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """A text the owner trained on, its place in the order, and how likely an unrelated model finds it, where known."""

    text: str
    position: float
    reference_log_prob: float | None


@dataclass(frozen=True)
class Order:
    """
    Spearman correlation of the suspect's log-likelihood with the owner's training order ("palimpsest").

    Works with log-probabilities of given texts: an endpoint that echoes prompts, or a JSONL file of them. Power grows with
    the number of texts; a log-likelihood under an unrelated model for each text, subtracted, sharpens it. Blind where
    training was not shuffled.

    References:
        "Palimpsestic memorization" (2510.19796): Spearman −0.078, p 2e-134 at 100,000 sequences.
    """

    name: ClassVar[str] = "order"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(suspect=frozenset({Offer.LOGPROBS}), given=frozenset({GivenKind.ORDER})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Exact reject of independence* where later texts are likelier; one base only, the owner of the order."""
        if len(bases) > 1:
            words = "a training order belongs to one model: give that one alone with --against"
            yield from (Skipped(self.name, base.name, words) for base in bases)
            return
        assert given.order_file is not None
        scored = _scored(suspect, read_order(given.order_file))
        if len(scored) < _FEWEST:
            words = f"the suspect gives log-probabilities for {len(scored)} of the texts in order; {_FEWEST} are needed"
            yield Skipped(self.name, bases[0].name, words)
            return
        values = np.array([value for _, value in scored])
        order = np.array([seen.position for seen, _ in scored])
        yield self._judge(suspect.name, bases[0].name, values, order, given)

    def _judge(self, suspect: str, base: str, values: NDArray[np.float64], order: NDArray[np.float64], given: Given) -> Result:
        proof = by_order(values, order, max(_SHUFFLES, given.permutations), given.seed)
        assert proof.observed is not None
        log10_p, n = recompute(proof), len(values)
        null = spearman_null(np.array(proof.values), np.array(proof.order), given.permutations, given.seed)
        beyond = speaks_against(log10_p, given.alpha)
        words = f"Log-likelihood against training order over {n} texts: Spearman {proof.observed:+.3f}."
        modelled = spearman_log10_p(proof.observed, n)
        if n > ALL_ORDERS and log10_p <= -math.log10(proof.shuffles + 1):
            words += (
                f" None of {proof.shuffles:,} shuffled orders reaches it; Student's t, a model, puts it at p {print_p(modelled)}."
            )
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=Verdict.REJECT if beyond else Verdict.NO_POWER,
            sentence=words + (" The suspect remembers the owner's order." if beyond else ""),
            null="the order in which the owner trained is independent of the suspect",
            exact=True,
            log10_p=log10_p,
            statistic=proof.observed,
            null_mean=0.0,
            null_sd=float(1.0 / np.sqrt(n - 1)),
            n=n,
            draws=proof.shuffles,
            seed=given.seed,
            assumptions=(
                "the training order was shuffled: one that follows the texts themselves rejects strangers",
                "nobody published it, and nobody else trained in it",
            ),
            parts=(Part("by Student's t, a model", n, proof.observed, modelled, "for what shuffles cannot resolve"),),
            pictures=(
                NullPicture("Correlation under shuffled orders, and observed", tuple(float(v) for v in null), proof.observed),
                _strip(values, order),
            ),
            proof=proof,
        )


def read_order(path: Path) -> list[Seen]:
    """
    Read the owner's training order: JSON Lines of `{text, position, reference_logprob?}`.

    Raises:
        LineageError: unreadable, or a line that lacks text or position; named by file and line only.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise LineageError(f"{path}: the training order cannot be read ({error.strerror})") from error
    found: dict[str, Seen] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            seen = _seen(line, f"{path}:{number}")
            found.setdefault(seen.text, seen)  # a text seen twice counts once
    references = [seen.reference_log_prob is not None for seen in found.values()]
    if any(references) and not all(references):
        raise LineageError(f"{path}: 'reference_logprob' stands on some lines only. Give it on all, or on none")
    return list(found.values())


def _seen(line: bytes, where: str) -> Seen:
    try:
        tree = orjson.loads(line)
        reference = tree.get("reference_logprob")
        seen = Seen(tree["text"], float(tree["position"]), None if reference is None else float(reference))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise LineageError(f"{where}: a line of the training order needs 'text' and a number as 'position'") from error
    if not isinstance(seen.text, str) or not seen.text or not np.isfinite(seen.position):
        raise LineageError(f"{where}: a line of the training order needs 'text' and a number as 'position'")
    return seen


def _scored(suspect: Operand, order: Sequence[Seen]) -> list[tuple[Seen, float]]:
    spoken = _echoed(suspect, order) if isinstance(suspect, Endpoint) else _recorded(suspect)
    return [(seen, spoken[seen.text] - (seen.reference_log_prob or 0.0)) for seen in order if seen.text in spoken]


def _echoed(suspect: Endpoint, order: Sequence[Seen]) -> dict[str, float]:
    try:
        said = suspect.echo([seen.text for seen in order])
    except QuestionError:
        return {}
    return {line.prompt: _mean(line) for line in said if line.tokens and line.output.startswith(line.prompt)}


def _recorded(suspect: Operand) -> dict[str, float]:
    lines = suspect.lines if isinstance(suspect, Texts) else ()
    return {line.prompt + line.output: _mean(line) for line in lines if line.tokens}


def _mean(line: Spoken) -> float:
    return float(np.mean([token.log_prob for token in line.tokens]))


def _strip(values: NDArray[np.float64], order: NDArray[np.float64]) -> StripPicture:
    strips = min(_STRIPS, len(values))
    groups = np.array_split(values[np.argsort(order, kind="stable")], strips)
    means = tuple(float(group.mean()) for group in groups)
    return StripPicture(
        "Mean log-likelihood, first to last tenth of training",
        tuple(f"{i + 1}/{strips}" for i in range(strips)),
        means,
        max(means),
    )
