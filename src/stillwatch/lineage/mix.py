"""In what shares was the suspect merged from the bases? Least squares on task vectors, with intervals over layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.base import Given, Needs, Offer, Operand, Part, Result, Skipped, StripPicture, Verdict, as_class
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.weights import Weights
from stillwatch.methods.merging import Moments, explained, intervals, moments, weights

_ROLES = ("mlp.gate", "mlp.up", "mlp.down", "attn.v", "attn.o", "attn.kv_a", "shared.gate", "moe.gate.0", "moe.gate")
_LEVEL = 0.95
_DRAWS = 400
_EXPLAINED = 0.5  # strangers explain less than nothing (tests/unit/lineage/test_mix.py); half is a wide berth

_NO_SHARE = 0.02  # twice the error of recovered shares


@dataclass(frozen=True)
class Mix:
    """
    Fit the suspect's weights as a weighted sum of all the bases' weights.

    Works for linear merges, task arithmetic (give the common ancestor as a base, too) and, layer by layer, for merges whose
    shares change with depth. Blind where bases are nearly equal (the intervals say so), and for permuted suspects. An estimate,
    not a test: it has no p-value, and presumes what `weights-exact` has shown.

    Args:
        rows: Rows of each tensor that are read.

    References:
        Ilharco et al., Editing models with task arithmetic (ICLR 2023), for the model of a merge. Recovery within 0.01:
        benchmarks/quality/lineage.
    """

    name: ClassVar[str] = "mix"
    needs: ClassVar[tuple[Needs, ...]] = (Needs(suspect=frozenset({Offer.WEIGHTS}), base=frozenset({Offer.WEIGHTS})),)
    rows: int = 128

    def run(self, suspect: Operand, bases: Sequence[Operand], given: Given) -> Iterator[Result | Skipped]:
        """One result a base, all from one fit; skipped with a single base or where tensors differ in shape."""
        if len(bases) < 2:
            yield from (Skipped(self.name, base.name, "a merge needs at least two bases to be told apart") for base in bases)
            return
        models = [read_names(as_class(operand, Weights)) for operand in (suspect, *bases)]
        clusters = list(self._clusters(models, given.seed))
        if not clusters:
            yield from (Skipped(self.name, base.name, "suspect and bases have no layer in common shapes") for base in bases)
            return
        yield from self._results(models, clusters, given)

    def _clusters(self, models: list[Model], seed: int) -> Iterator[Moments]:
        depth = {len(model.layers) for model in models}
        if len(depth) > 1:
            return
        for i in range(min(depth)):
            read = [values for role in _ROLES if (values := self._read(models, i, role, seed)) is not None]
            if read:
                stacked = np.concatenate(read, axis=1)
                yield moments(stacked[0], stacked[1:])

    def _read(self, models: list[Model], layer: int, role: str, seed: int) -> np.ndarray | None:
        if not all(role in model.layers[layer].roles for model in models):
            return None
        tensors = [model.layers[layer].roles[role] for model in models]
        shapes = {model.weights.shape(tensor) for model, tensor in zip(models, tensors, strict=True)}
        if len(shapes) > 1:
            return None
        n = min(shapes)[0]
        at = np.sort(np.random.default_rng([seed, layer]).choice(n, min(n, self.rows), replace=False))
        return np.stack([model.weights.rows(tensor, at).ravel() for model, tensor in zip(models, tensors, strict=True)])

    def _results(self, models: list[Model], clusters: list[Moments], given: Given) -> Iterator[Result]:
        shares = weights(clusters)
        spread = intervals(clusters, _DRAWS, _LEVEL, np.random.default_rng([given.seed, 5]))
        fit = explained(clusters, shares)
        by_layer = np.stack([weights([cluster]) for cluster in clusters])
        layers = tuple(map(str, range(len(by_layer))))
        for k, base in enumerate(models[1:]):
            told = f"share {shares[k]:.3f} ({_LEVEL:.0%} interval {spread[k, 0]:.3f} to {spread[k, 1]:.3f})"
            yield Result(
                test=self.name,
                suspect=models[0].weights.name,
                base=base.weights.name,
                verdict=_verdict(fit, spread[k]),
                sentence=_sentence(told, fit),
                null="none: an estimate under the model that the suspect is a weighted sum of the bases, plus noise",
                exact=False,
                statistic=float(shares[k]),
                n=len(clusters),
                draws=_DRAWS,
                seed=given.seed,
                assumptions=("layers are resampled as wholes for the interval", "units were not permuted"),
                parts=(Part("share", len(clusters), float(shares[k]), None, told), Part("explained", len(clusters), fit)),
                pictures=(StripPicture("Share, by layer", layers, tuple(by_layer[:, k].tolist())),),
            )


def _verdict(fit: float, spread: NDArray[np.float64]) -> Verdict:
    """Compatible with a share, excluded where the interval leaves none, no power where the sum explains nothing."""
    if fit < _EXPLAINED:
        return Verdict.NO_POWER
    return Verdict.EXCLUDED if np.abs(spread).max() < _NO_SHARE else Verdict.COMPATIBLE


def _sentence(told: str, fit: float) -> str:
    if fit >= _EXPLAINED:
        return f"If the suspect is a merge of these bases, this one has {told}; the sum explains {fit:.1%} of its weights"
    return f"No weighted sum of these bases explains the suspect ({max(fit, 0.0):.1%} of its weights)"
