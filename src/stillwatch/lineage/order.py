"""
Does the suspect remember *when* the owner's model saw each text? Later texts are remembered better.

An order that a committed seed shuffled has nothing to do with any suspect that did not descend from it: an exact test, whatever
the suspect was trained on. An order that its owner says was shuffled is first held against everything that likelihoods follow;
where it follows any of it, nothing is concluded, and where it does not, the verdict is calibrated at best.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stillwatch.errors import QuestionError
from stillwatch.lineage.base import (
    EXACT_LEVEL,
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
    one_owner,
    print_p,
    speaks_against,
)
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.panel import stands_out, verdict_bar
from stillwatch.lineage.proof import by_order, recompute
from stillwatch.lineage.speech import Spoken
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.training_order import Seen, TrainingOrder, read_order
from stillwatch.methods.rank_order import ALL_ORDERS, spearman_log10_p, spearman_null
from stillwatch.methods.shuffled import Drift, drift, unexplained
from stillwatch.methods.text_traits import topics, traits

_FEWEST = 9  # texts: 9! orders give p below the level that an exact test rejects at
_SHUFFLES = 99_999  # the fewest whose floor reaches that level
_STRIPS = 10
# share of truly shuffled orders without a seed that are sent back; what it catches: benchmarks/quality/lineage
_GUARD_LEVEL = 0.01
_GUARD_SHUFFLES = 999
_TOPICS = 32

Columns = NDArray[np.float64]


@dataclass(frozen=True)
class Order:
    """
    Spearman correlation of the suspect's log-likelihood with the owner's training order ("palimpsest").

    Works with log-probabilities of given texts: an endpoint that echoes prompts, or a JSONL file of them. Power grows with the
    number of texts. What traits and topics of the texts and other models' log-likelihoods (a reference in the file, strangers)
    explain of the suspect's is taken off first. Exact where a seed proves the shuffle; else the order is tested for what it
    follows, and the suspect must stand out from that.

    References:
        "Palimpsestic memorization" (2510.19796): Spearman −0.078, p 2e-134 at 100,000 sequences.
    """

    name: ClassVar[str] = "order"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(suspect=frozenset({Offer.LOGPROBS}), given=frozenset({GivenKind.ORDER})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Exact reject of independence*, or *calibrated*, where later texts are likelier; one base only, the order's owner."""
        if len(bases) > 1:
            yield from one_owner(self.name, bases, "a training order belongs to one model")
            return
        assert given.order_file is not None
        order = read_order(given.order_file)
        spoken = _spoken(suspect, order.seen)
        scored = [seen for seen in order.seen if seen.text in spoken]
        if len(scored) < _FEWEST:
            words = f"the suspect gives log-probabilities for {len(scored)} of the texts in order; {_FEWEST} are needed"
            yield Skipped(self.name, bases[0].name, words)
            return
        known = _known(scored, given.strangers)
        places = np.array([seen.position for seen in scored])
        about = topics([seen.text for seen in scored], _TOPICS)
        followed = None if order.order_id else drift(places, known, about, _GUARD_SHUFFLES, given.seed)
        if followed is not None and followed.p <= _GUARD_LEVEL:
            yield self._not_shuffled(suspect.name, bases[0].name, followed, len(scored), given)
            return
        values = np.array([spoken[seen.text] - (seen.reference_log_prob or 0.0) for seen in scored])
        left = unexplained(values, _design(known, about))
        yield self._judge(suspect.name, bases[0].name, left, places, order, followed, given)

    def _not_shuffled(self, suspect: str, base: str, followed: Drift, n: int, given: Given) -> Result:
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=Verdict.NO_POWER,
            sentence=f"The order is not shuffled: it follows {followed.strongest} (p {followed.p:.2g} over {n} texts), which "
            "every model's likelihood may follow, too. It tells nothing of the suspect.",
            null="the training order was shuffled",
            exact=False,
            n=n,
            draws=_GUARD_SHUFFLES,
            seed=given.seed,
            parts=_of_guard(followed, n),
        )

    def _judge(
        self,
        suspect: str,
        base: str,
        values: Columns,
        places: Columns,
        order: TrainingOrder,
        followed: Drift | None,
        given: Given,
    ) -> Result:
        proof = by_order(values, places, max(_SHUFFLES, given.permutations), given.seed)
        assert proof.observed is not None
        rho, log10_p, n = proof.observed, recompute(proof), len(values)
        modelled = spearman_log10_p(rho, n)
        words = f"Log-likelihood against training order over {n} of {len(order.seen)} texts: Spearman {rho:+.3f}."
        if n > ALL_ORDERS and log10_p <= -math.log10(proof.shuffles + 1):
            words += (
                f" None of {proof.shuffles:,} shuffled orders reaches it; Student's t, a model, puts it at p {print_p(modelled)}."
            )
        beyond, verdict = speaks_against(log10_p, given.alpha), Verdict.REJECT
        if followed is not None:
            others = [abs(r) for r in followed.correlations.values()]
            beyond = stands_out(rho, others, log10_p, min(EXACT_LEVEL, given.alpha))
            verdict = Verdict.CALIBRATED
            words += f" No seed proves the shuffle: a verdict asks for {verdict_bar(others):+.3f}, beyond what the order follows."
        null = spearman_null(np.array(proof.values), np.array(proof.order), given.permutations, given.seed)
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=verdict if beyond else Verdict.NO_POWER,
            sentence=words + (" The suspect remembers the owner's order." if beyond else ""),
            null="the order in which the owner trained is independent of the suspect",
            exact=followed is None,
            log10_p=log10_p,
            statistic=rho,
            null_mean=0.0,
            null_sd=float(1.0 / np.sqrt(n - 1)),
            n=n,
            draws=proof.shuffles,
            seed=given.seed,
            assumptions=(*_assumed(order, followed), "nobody published the order, and nobody else trained in it"),
            panel_id=None if followed is None else f"{len(followed.correlations)} things that the order might follow",
            parts=(
                Part("by Student's t, a model", n, rho, modelled, "for what shuffles cannot resolve"),
                *(() if followed is None else _of_guard(followed, n)),
            ),
            pictures=(
                NullPicture("Correlation under shuffled orders, and observed", tuple(float(v) for v in null), rho),
                _strip(values, places),
            ),
            proof=proof,
        )


def _assumed(order: TrainingOrder, followed: Drift | None) -> tuple[str, ...]:
    if followed is None:
        return (f"seed and texts were committed to before the suspect was trained: order {order.order_id}",)
    return (
        "the training order was shuffled, and written down truly: its owner's word. Nothing contradicts it "
        f"(p {followed.p:.2g} over {len(followed.correlations)} traits and the topics of its texts)",
    )


def _of_guard(followed: Drift, n: int) -> tuple[Part, ...]:
    """What the order was held against, one row each."""
    note = "correlation of the order with it"
    largest = max(map(abs, followed.correlations.values()))
    joint = Part("all that the order might follow", n, largest, math.log10(followed.p), followed.strongest)
    return (joint, *(Part(name, n, rho, None, note) for name, rho in followed.correlations.items()))


def _known(scored: Sequence[Seen], strangers: Sequence[Operand]) -> dict[str, Columns]:
    """What likelihoods follow, the most telling first: other models' likelihoods of the same texts, then traits of the texts."""
    known: dict[str, Columns] = {}
    references = [seen.reference_log_prob for seen in scored]
    if None not in references:
        known["reference_logprob"] = np.array(references, dtype=np.float64)
    for stranger in strangers:
        said = _spoken(stranger, scored)
        if len(said) == len(scored):
            known[f"stranger {stranger.name}"] = np.array([said[seen.text] for seen in scored])
    of_texts = traits([seen.text for seen in scored])
    return known | {"surprise": of_texts.pop("surprise")} | of_texts


def _design(known: Mapping[str, Columns], about: Columns) -> Columns:
    """Normal scores of what is known, their squares, and topics: columns to take off, the most telling first."""
    scores = [stats.norm.ppf(stats.rankdata(column) / (len(column) + 1)) for column in known.values()]
    return np.concatenate([np.stack([*scores, *(score**2 for score in scores)], axis=1), about], axis=1)


def _spoken(operand: Operand, order: Sequence[Seen]) -> dict[str, float]:
    """Mean log-likelihood of each text that the operand tells one of."""
    wanted = {seen.text for seen in order}
    if isinstance(operand, Endpoint):
        try:
            said = operand.echo([seen.text for seen in order])
        except QuestionError:
            return {}
        return {line.prompt: _mean(line) for line in said if line.tokens and line.output.startswith(line.prompt)}
    lines = operand.lines if isinstance(operand, Texts) else ()
    return {text: _mean(line) for line in lines if line.tokens and (text := line.prompt + line.output) in wanted}


def _mean(line: Spoken) -> float:
    return float(np.mean([token.log_prob for token in line.tokens]))


def _strip(values: Columns, order: Columns) -> StripPicture:
    strips = min(_STRIPS, len(values))
    groups = np.array_split(values[np.argsort(order, kind="stable")], strips)
    means = tuple(float(group.mean()) for group in groups)
    return StripPicture(
        "Mean log-likelihood, first to last tenth of training",
        tuple(f"{i + 1}/{strips}" for i in range(strips)),
        means,
        max(means),
    )
