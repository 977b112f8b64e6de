"""Do suspect and base hold the same next token likeliest, more often than strangers do?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from stillwatch.lineage import probes
from stillwatch.lineage.base import Given, Needs, NullPicture, Offer, Operand, Result, Skipped, Verdict
from stillwatch.lineage.panel import stands_out, verdict_bar
from stillwatch.lineage.proof import by_panel, recompute
from stillwatch.lineage.speech import Question, Speaker, shared_prompts, speaker


@dataclass(frozen=True)
class TopAgreement:
    """
    How often do suspect and base hold the same next token likeliest, more than strangers do?

    Works on any API, with few tokens shown or none. Calibrated: strangers agree too, on easy words. Blind without strangers
    or a panel.

    References:
        Nikolic et al., "Model provenance testing" (2502.00706): the control is the best unrelated baseline.
    """

    name: ClassVar[str] = "top-token-agreement"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(frozenset({Offer.TEXTS}), frozenset({Offer.TEXTS})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Calibrated* where agreement is beyond the strangers'."""
        voices = [speaker(o) for o in (suspect, *bases, *given.strangers)]
        prompts = shared_prompts(voices, probes.questions(), given.prompts)
        if not prompts:
            yield from (Skipped(self.name, base.name, "suspect, bases and strangers have no prompt in common") for base in bases)
            return
        first = {voice.name: _first_words(voice, prompts) for voice in voices}
        for base in bases:
            yield self._judge(suspect.name, base.name, first, given)

    def _judge(self, suspect: str, base: str, first: dict[str, dict[str, str]], given: Given) -> Result:
        score, n = _agreement(first[suspect], first[base])
        strangers = [_agreement(first[s.name], first[base])[0] for s in given.strangers]
        scores = strangers or list(given.panel.of(self.name) if given.panel else ())
        proof = by_panel(score, scores) if scores else None
        log10_p = recompute(proof) if proof else 0.0
        beyond = proof is not None and stands_out(score, scores, log10_p, given.alpha)
        words = f"They begin {n} answers alike in {score:.0%} of the cases"
        words += (
            f"; rank {10.0**log10_p:.3g} among {len(scores)} strangers, a verdict asks for {verdict_bar(scores):.0%}."
            if proof
            else "; without strangers or a panel that says nothing."
        )
        panel_id = strangers_id(given.strangers) if strangers else (given.panel.panel_id if given.panel else None)
        return Result(
            test=self.name,
            suspect=suspect,
            base=base,
            verdict=Verdict.CALIBRATED if beyond else Verdict.NO_POWER,
            sentence=words,
            null="the suspect is one more stranger: its agreement is exchangeable with theirs",
            exact=False,
            log10_p=log10_p if proof else None,
            statistic=score,
            n=n,
            assumptions=("strangers are as like the base as an unrelated suspect would be",),
            pictures=(NullPicture("Agreement with the base: strangers and suspect", tuple(scores), score, "share"),)
            if scores
            else (),
            panel_id=panel_id if proof else None,
            proof=proof,
        )


def strangers_id(strangers: Sequence[Operand]) -> str:
    """Names the strangers of a run as a panel; the digests of what they said stand in the document."""
    return "strangers: " + ", ".join(operand.name for operand in strangers)


def _first_words(voice: Speaker, prompts: tuple[str, ...]) -> dict[str, str]:
    """The beginning of each answer at temperature 0: the first token where it is shown, else the first word."""
    said = voice.say(Question(prompts, 1, 4))
    return {line.prompt: next(iter(line.output.split()), "") for line in said}


def _agreement(ours: dict[str, str], theirs: dict[str, str]) -> tuple[float, int]:
    both = [prompt for prompt in ours if prompt in theirs]
    return sum(ours[p] == theirs[p] for p in both) / max(len(both), 1), len(both)
