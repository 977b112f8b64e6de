"""
Does the suspect hold neurons of the base, even after they were permuted, sign-flipped or rotated? Calibrated on a panel.

Why it is never exact: independent models trained on the same data agree about twice as often as chance. How often is measured on
stranger pairs, and a verdict asks for more than a rank among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillwatch.lineage.base import (
    Given,
    Needs,
    NullPicture,
    Offer,
    Operand,
    Part,
    Result,
    Skipped,
    StripPicture,
    Verdict,
    as_class,
)
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.neuron_agreement import Agreement, agreements
from stillwatch.lineage.panel import Panel, shipped_panel, stands_out
from stillwatch.lineage.proof import by_panel, recompute
from stillwatch.lineage.weights import Weights

NULL = "the pair is a stranger pair like those of the panel"
ASSUMPTIONS = (
    "the panel's stranger pairs, which share data and recipe, are as alike as this pair would be if it were unrelated",
    "an innocent model with the same tokens and data may share coarse structure; single neurons are not shared by chance",
)


@dataclass(frozen=True)
class WeightsRobust:
    """
    Ask each neuron of the suspect for its nearest neuron of the base, once by gate and once by up: do the two answers agree?

    Works after permutation of neurons, experts and residual dimensions, sign flips, rotation of the residual stream with folded
    norms, and for other widths cut from the base. Blind without shared tokens (unless coordinates were left alone), and after
    training from a random start. Cost: all gate and up rows of a few base layers; an SVD of the width where nothing simpler fits.

    Args:
        layers: Layers of the suspect looked at, spread over its depth.
        neurons: Neurons asked in each.

    References:
        Zhu et al., Independence tests for language models (ICML 2025), unconstrained test; its p-value is not exact, so ours is a
        conformal rank in a panel, and a verdict asks for a gap beyond the panel: docs/reference/lineage-weights.md.
    """

    name: ClassVar[str] = "weights-robust"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(suspect=frozenset({Offer.WEIGHTS}), base=frozenset({Offer.WEIGHTS})),)
    layers: int = 4
    neurons: int = 256

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result a base; skipped where no neurons can be compared. The panel is the given one, if it knows this test."""
        model = read_names(as_class(suspect, Weights))
        panel = given.panel if given.panel is not None and given.panel.of(self.name) else shipped_panel()
        for base in bases:
            other = read_names(as_class(base, Weights))
            found = agreements(model, other, self.layers, self.neurons, given.seed)
            if found:
                yield self._result(model, other, given, panel, found)
            else:
                yield Skipped(self.name, base.name, "the two share neither width nor tokens: no neurons can be compared")

    def score(self, suspect: Model, base: Model, seed: int) -> float | None:
        """The largest score over all views; None where nothing can be compared. Panels are made of these."""
        seen = agreements(suspect, base, self.layers, self.neurons, seed)
        return max((one.score for one in seen), default=None)

    def _result(self, suspect: Model, base: Model, given: Given, panel: Panel, found: list[Agreement]) -> Result:
        best = max(found, key=lambda seen: seen.score)
        strangers = panel.of(self.name)
        proof = by_panel(best.score, strangers)
        log10_p = recompute(proof)
        called = stands_out(best.score, strangers, log10_p, given.alpha)
        opening = "Holds the base's neurons, by a calibrated score" if called else "Nothing beyond what strangers show"
        said = (
            f"{best.hits} of {best.tried} neurons agree on their nearest neuron of the base, {best.chance:.1f} expected by chance"
            f" (coordinates {best.view}); score {best.score:.2f}, {strangers[-1]:.2f} at most in {len(strangers)} stranger pairs"
        )
        return Result(
            test=self.name,
            suspect=suspect.weights.name,
            base=base.weights.name,
            verdict=Verdict.CALIBRATED if called else Verdict.NO_POWER,
            sentence=f"{opening}: {said}",
            null=NULL,
            exact=False,
            log10_p=log10_p,
            statistic=best.score,
            null_mean=float(np.mean(strangers)),
            null_sd=float(np.std(strangers)),
            n=best.tried,
            seed=given.seed,
            assumptions=ASSUMPTIONS,
            parts=tuple(Part(f"coordinates {s.view}", s.tried, s.score, None, _told(s)) for s in found),
            pictures=(
                NullPicture("Score of stranger pairs", strangers, best.score, "log2 of hits over chance"),
                StripPicture("Share of neurons that agree, by layer", tuple(map(str, best.layers)), best.by_layer),
            ),
            panel_id=panel.panel_id,
            proof=proof,
        )


def _told(seen: Agreement) -> str:
    return f"{seen.hits} agree, reuse fraction {seen.reused:.3f}"
