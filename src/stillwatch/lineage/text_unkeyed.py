"""
Which of these teachers, if any, do the suspect's texts lean to? Without a key there is no exact answer to "none of them".

Every candidate races against the field: the texts of strangers, the *unknown* teacher among them. The suspect's lean to a
candidate is ranked among the strangers' leans to it, each scored against a field without itself, so that suspect and
strangers are treated alike. What comes back is a set of possible teachers, often empty, and with few strangers always
undecided.

Why not a classifier that names a winner: it names one for every suspect, also where the teacher is not in the race.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage import probes
from stillwatch.lineage.agreement import strangers_id
from stillwatch.lineage.base import (
    Given,
    GivenKind,
    MatrixPicture,
    Needs,
    NullPicture,
    Offer,
    Operand,
    Part,
    Result,
    Skipped,
    Verdict,
)
from stillwatch.lineage.panel import stands_out, verdict_bar
from stillwatch.lineage.proof import by_panel, recompute
from stillwatch.lineage.speech import Question, Speaker, shared_prompts, speaker
from stillwatch.methods.ngram_likelihood import gram_counts, log_ratio

_LONGEST = 600  # characters read of each output, so that nobody's long answers weigh more
_TOKENS = 96
_FEWEST_STRANGERS = 2  # the field of a stranger is the others and the suspect

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class TextUnkeyed:
    """
    Closed-set likelihood ratio between candidate teachers, with strangers in the race, as a conformal rank.

    Works where the suspect was trained mostly on one teacher's text, and strangers answered the same prompts. Blind to small
    shares, paraphrase and strong further training. The p-value is never below 1 / (strangers + 1).

    References:
        Vovk et al., "Algorithmic learning in a random world", 2005 (full conformal). The set instead of a winner: MPS
        (2602.00772). What to expect: "Who taught you that?" (2502.06659) reaches 0.67 to 0.68 among five teachers.
    """

    name: ClassVar[str] = "text-unkeyed"
    needs: ClassVar[tuple[Needs, ...]] = (
        Needs(frozenset({Offer.TEXTS}), frozenset({Offer.TEXTS}), frozenset({GivenKind.STRANGERS})),
    )

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Calibrated* for each candidate that it leans to beyond the strangers: the set of possible teachers."""
        field = [suspect, *given.strangers]
        prompts = shared_prompts([speaker(o) for o in field], probes.questions(), given.prompts)
        if not prompts or len(given.strangers) < _FEWEST_STRANGERS:
            words = "needs at least two strangers who answered prompts that the suspect answered too"
            yield from (Skipped(self.name, base.name, words) for base in bases)
            return
        heard = {operand.name: _counts(speaker(operand), prompts) for operand in field}
        teachers = {base.name: _counts(speaker(base), _prompts_of(speaker(base), prompts, given.prompts)) for base in bases}
        everybody = np.sum(list(heard.values()), axis=0)
        leans = {
            base: {who: log_ratio(counts, teacher, everybody - counts) for who, counts in heard.items()}
            for base, teacher in teachers.items()
        }
        for base in bases:
            yield self._judge(suspect.name, base.name, leans, heard, len(prompts), given)

    def _judge(
        self,
        suspect: str,
        base: str,
        leans: Mapping[str, Mapping[str, float]],
        heard: Mapping[str, Counts],
        n_prompts: int,
        given: Given,
    ) -> Result:
        score = leans[base][suspect]
        others = [lean for who, lean in leans[base].items() if who != suspect]
        proof = by_panel(score, others)
        log10_p = recompute(proof)
        p, floor = 10.0**log10_p, 1.0 / (len(others) + 1)
        words = f"It leans to {base} by {score:+.3f} nats a k-gram, rank {p:.3g} among {len(others)} strangers"
        words += f" (never below {floor:.3g} with {len(others)})" if floor > given.alpha else ""
        words += f"; a verdict asks for {verdict_bar(others):+.3f}."
        others_words = f" In the race: {', '.join(f'{b} {row[suspect]:+.3f}' for b, row in leans.items())}, unknown 0."
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=Verdict.CALIBRATED if stands_out(score, others, log10_p, given.alpha) else Verdict.NO_POWER,
            sentence=words + others_words,
            null="the suspect is one more stranger to this candidate: their leans are exchangeable",
            exact=False,
            log10_p=log10_p,
            statistic=score,
            null_mean=float(np.mean(others)),
            null_sd=float(np.std(others)),
            n=n_prompts,
            assumptions=(
                "strangers are as like the suspect as an innocent suspect would be: size, recipe, other training data",
                "all answered the same prompts with the same settings",
            ),
            parts=tuple(
                Part(who, int(heard[who].sum()), lean, None, "stranger") for who, lean in leans[base].items() if who != suspect
            ),
            pictures=(
                NullPicture(f"Lean to {base}: strangers and suspect", tuple(others), score, "nats a k-gram"),
                MatrixPicture(
                    "Lean of each text to each candidate, over the field",
                    tuple(heard),
                    tuple(leans),
                    tuple(tuple(leans[b][who] for b in leans) for who in heard),
                ),
            ),
            panel_id=strangers_id(given.strangers),
            proof=proof,
        )


def _prompts_of(base: Speaker, prompts: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """The same prompts where the candidate has them; else what was recorded of it."""
    recorded = base.recorded_prompts
    if recorded is None or set(prompts) <= set(recorded):
        return prompts
    return recorded[:limit]


def _counts(voice: Speaker, prompts: tuple[str, ...]) -> Counts:
    return gram_counts(line.output[:_LONGEST] for line in voice.say(Question(prompts, 1, _TOKENS, 1.0)))
