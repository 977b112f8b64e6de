"""
Is the endpoint exactly this model? Two samples, shuffled.

A question of its own: to reject equality says "not the identical model", and nothing about descent. A fine-tuned child, a
requantised copy and a stranger are all rejected. Hence the verdicts here are *excluded* and *compatible*, of the claim "is X".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage import probes
from stillwatch.lineage.base import Given, Needs, NullPicture, Offer, Operand, Result, Skipped, Verdict, stands
from stillwatch.lineage.proof import by_rank, recompute
from stillwatch.lineage.speech import Question, Spoken, shared_prompts, speaker
from stillwatch.methods.two_sample import hamming_kernel, linear_kernel, permutation_mmd

_CHARACTERS = 160  # compared of each output: the kernel loses step after the first difference anyway
_MOST_PROMPTS = 24
_MOST_TOKENS = 40
_DIGITS = 3  # of a log-probability: batching and prompt caches alone move the digits behind
_SPEAKS_OF = "This speaks of equality, not of descent."


@dataclass(frozen=True)
class IdentitySamples:
    """
    Two-sample test on outputs drawn at temperature 1: is their distribution the same?

    Works on any API. Blind to differences that the first 160 characters do not show. Cost: prompts × samples short answers of
    each.

    References:
        Gao, Liang and Guestrin, "Model Equality Testing" (2410.20247). Ours compares characters where theirs compares tokens.
    """

    name: ClassVar[str] = "identity-samples"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(frozenset({Offer.TEXTS}), frozenset({Offer.TEXTS})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Excluded* where the suspect cannot be this very model."""
        for base in bases:
            pairs = _both(suspect, base, given, top=0, max_tokens=_MOST_TOKENS)
            kernels = [hamming_kernel(_codes([s.output for s in ours + theirs])) for ours, theirs in pairs]
            yield _result(self.name, suspect.name, base.name, kernels, pairs, given, "outputs at temperature 1")


@dataclass(frozen=True)
class IdentityLogprobs:
    """
    Two-sample test on the log-probability of the first token: has the model behind the address changed at all?

    Far more sensitive than outputs, one token a question. Blind where the server rounds or hides log-probabilities;
    differences of hardware and batching alone can be seen too, so hold two samples of the base against each other first.

    References:
        "Log-prob tracking" (2512.03816).
    """

    name: ClassVar[str] = "identity-logprobs"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(frozenset({Offer.LOGPROBS}), frozenset({Offer.LOGPROBS})),)

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """*Excluded* where the suspect cannot be this very model."""
        for base in bases:
            pairs = _both(suspect, base, given, top=1, max_tokens=1)
            scored = [(o, t) for o, t in pairs if all(s.tokens for s in o + t)]
            kernels = [linear_kernel(np.round([s.tokens[0].log_prob for s in ours + theirs], _DIGITS)) for ours, theirs in scored]
            if pairs and not scored:
                yield Skipped(self.name, base.name, "one of the two gives no log-probabilities with its answers")
                continue
            yield _result(self.name, suspect.name, base.name, kernels, scored, given, "log-probabilities of the first token")


def _both(suspect: Operand, base: Operand, given: Given, top: int, max_tokens: int) -> list[tuple[list[Spoken], list[Spoken]]]:
    """Outputs of both, prompt by prompt, where each side has at least two."""
    ours, theirs = speaker(suspect), speaker(base)
    prompts = shared_prompts([ours, theirs], probes.questions(), min(given.prompts, _MOST_PROMPTS))
    question = Question(prompts, given.samples, max_tokens, 1.0 if max_tokens > 1 else 0.0, top)
    said = [_by_prompt(who.say(question)) for who in (ours, theirs)]
    both = [(said[0].get(prompt, []), said[1].get(prompt, [])) for prompt in prompts]
    return [(a, b) for a, b in both if len(a) >= 2 and len(b) >= 2]


def _result(
    test: str,
    suspect: str,
    base: str,
    kernels: list[NDArray[np.float64]],
    pairs: Sequence[tuple[list[Spoken], list[Spoken]]],
    given: Given,
    what: str,
) -> Result | Skipped:
    if not kernels:
        return Skipped(test, base, "the two have no prompt in common with at least two outputs each")
    masks = [np.arange(len(a) + len(b)) < len(a) for a, b in pairs]
    observed, null = permutation_mmd(kernels, masks, given.permutations, given.seed)
    proof = by_rank(observed, null)
    log10_p = recompute(proof)
    differs = stands(log10_p, given.alpha)
    n = sum(len(mask) for mask in masks)
    told = "differ beyond chance: it is not exactly this model." if differs else "cannot be told apart."
    return Result(
        test=test,
        suspect=suspect,
        base=base,
        verdict=Verdict.EXCLUDED if differs else Verdict.COMPATIBLE,
        sentence=f"{n} {what} to {len(kernels)} prompts {told} {_SPEAKS_OF}",
        null="both sides draw from one distribution, prompt by prompt",
        exact=True,
        log10_p=log10_p,
        statistic=observed,
        null_mean=float(null.mean()),
        null_sd=float(null.std()),
        n=n,
        draws=given.permutations,
        seed=given.seed,
        assumptions=("answers to one prompt are drawn independently", "both were asked with the same settings"),
        pictures=(NullPicture(f"Squared distance of {what}, shuffled and observed", proof.draws, observed),),
        proof=proof,
    )


def _by_prompt(said: Sequence[Spoken]) -> dict[str, list[Spoken]]:
    found: dict[str, list[Spoken]] = {}
    for line in said:
        found.setdefault(line.prompt, []).append(line)
    return found


def _codes(outputs: Sequence[str]) -> NDArray[np.int64]:
    """Code points, padded with 0 after the end, so that an ending is seen as such."""
    width = max(min(_CHARACTERS, max(len(text) for text in outputs)), 1)
    codes = np.zeros((len(outputs), width), dtype=np.int64)
    for row, text in enumerate(outputs):
        cut = text[:width]
        codes[row, : len(cut)] = [ord(c) for c in cut]
    return codes
