"""
Layers that were dropped, repeated or moved: each layer of the suspect against the base layer it fits best.

The best fit is chosen by the trace over a sample of neurons, and paid for: a layer's exact p is multiplied by the number of base
layers (Bonferroni). Layers of the suspect are independent under the null, so Fisher joins them, exactly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.blocks import Block
from stillwatch.lineage.features import chosen, read, similarity
from stillwatch.lineage.names import Model
from stillwatch.lineage.symmetries import blocks
from stillwatch.methods.matching import fisher_log10, fixed_points_log10_p, match

ALIGNED = ("neurons", "shared-expert neurons", "expert neurons")
_SAMPLE = 96  # neurons a layer that choose the fit; the chosen pair is then matched over many more


@dataclass(frozen=True, slots=True)
class Alignment:
    """
    Layers of the suspect, each with the base layer it fits best.

    Args:
        suspect_layers, base_layers: Layer numbers, pair by pair.
        fit: `(suspect layers, base layers)` mean cosine of neurons in the same place.
        log10_p: One a suspect layer, after Bonferroni over the base layers.
        shares: Share of neurons that the matching leaves in place, one a suspect layer.
    """

    suspect_layers: tuple[int, ...]
    base_layers: tuple[int, ...]
    fit: NDArray[np.float32]
    log10_p: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def total_log10_p(self) -> float:
        """Fisher over the suspect's layers."""
        return fisher_log10(self.log10_p)


def lanes(model: Model) -> list[Block]:
    """Neurons of every layer by kind; the first routed expert stands for all of its layer."""
    return [block for block in blocks(model) if block.kind in ALIGNED and block.label in ("", "expert 0")]


def align(suspect: Model, theirs: list[Block], base: Model, ours: list[Block], most_units: int, seed: int) -> Alignment | None:
    """Fit layers by the kind of neurons that most layers have; None where no layer of one fits the shape of one of the other."""
    kind = max(ALIGNED, key=lambda kind: min(sum(block.kind == kind for block in side) for side in (theirs, ours)))
    left, right = ([block for block in side if block.kind == kind] for side in (theirs, ours))
    n = {b.n for b in left} | {b.n for b in right}
    if not left or not right or len(n) != 1 or suspect.width != base.width:
        return None
    fit = _fit(list(_sampled(suspect, left, seed)), list(_sampled(base, right, seed)))
    rng = np.random.default_rng([seed, 2])
    units = chosen(seed, left[0], left[0].n, most_units, "aligned units")
    log10_p, shares, chosen_layers = [], [], []
    for i, block in enumerate(left):
        best = right[int(fit[i].argmax())]
        found = similarity((suspect.weights, block), (base.weights, best), units, seed)
        kept = 0 if found is None else int((match(found, rng) == np.arange(len(units))).sum())
        log10_p.append(min(0.0, fixed_points_log10_p(kept, [len(units)]) + math.log10(len(right))))
        shares.append(kept / len(units))
        chosen_layers.append(best.layer or 0)
    return Alignment(tuple(b.layer or 0 for b in left), tuple(chosen_layers), fit, tuple(log10_p), tuple(shares))


def _sampled(model: Model, layers: list[Block], seed: int) -> Iterator[NDArray[np.float32]]:
    """Unit features of the same sample of neurons in every layer, `(neurons, width)`, from the gate alone."""
    units = chosen(seed, layers[0], layers[0].n, _SAMPLE, "fit")
    for block in layers:
        rows = read(model.weights, block, block.moves[0], units, seed)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        yield np.asarray(rows / np.where(norms > 0, norms, 1), dtype=np.float32)


def _fit(left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    flat = [np.stack([rows.ravel() for rows in side]) for side in (left, right)]
    return np.asarray(flat[0] @ flat[1].T / len(left[0]), dtype=np.float32)
