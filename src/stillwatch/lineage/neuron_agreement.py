"""
Do a suspect's neurons find the same neurons of the base by gate and by up? The statistic of the robust test.

Gate and up rows of one neuron are two independent looks at it: only a neuron that *is* one of the base's is found by both.
Permuting neurons changes nothing, and residual coordinates are moved back by what the shared tokens tell.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stillwatch.lineage.coordinates import View, views
from stillwatch.lineage.names import Model
from stillwatch.lineage.neuron_pools import Neurons, pool, router_rows, sample
from stillwatch.lineage.stream import common_tokens
from stillwatch.methods.alignment import nearest

_REUSE_SLACK = 1.3  # above the expected largest cosine of n random directions (extreme-value bound)
_NEIGHBOURS = 2  # base layers tried on each side of the same relative depth, where depths differ


@dataclass(frozen=True, slots=True)
class Agreement:
    """
    What one view of the base shows.

    Args:
        view: How its coordinates were seen.
        hits, tried: Base neurons that some suspect neuron finds nearest both by gate and by up; suspect neurons asked.
        chance: Hits expected if the two nearest were picked at random.
        by_layer: Share of hits, one a suspect layer.
        reused: Share of neurons nearer to some base neuron than the best of as many random directions is.
    """

    view: str
    hits: int
    tried: int
    chance: float
    layers: tuple[int, ...]
    by_layer: tuple[float, ...]
    reused: float

    @property
    def score(self) -> float:
        """log2 of hits over chance, one added to each."""
        return math.log2((self.hits + 1.0) / (self.chance + 1.0))


@dataclass(frozen=True, slots=True)
class _Layer:
    hits: int
    reused: int
    tried: int
    chance: float


def agreements(suspect: Model, base: Model, layers: int, neurons: int, seed: int) -> list[Agreement]:
    """
    What each view of the base shows; stops at the first in which most neurons agree, because the next ones cost more.

    Args:
        layers: Layers of the suspect looked at, spread over its depth.
        neurons: Neurons asked in each.
    """
    tokens = common_tokens(suspect, base)
    found: list[Agreement] = []
    for view in views(suspect, base, None if isinstance(tokens, str) else tokens, seed):
        rng = np.random.default_rng([seed, 4])  # the same neurons in every view
        seen = {i: _layer(suspect, base, i, view, neurons, rng) for i in _spread(len(suspect.layers), layers)}
        told = {i: layer for i, layer in seen.items() if layer is not None}
        if told:
            found.append(_total(view, told))
            if 2 * found[-1].hits > found[-1].tried:
                break
    return found


def _total(view: View, told: dict[int, _Layer]) -> Agreement:
    layers = list(told.values())
    tried = sum(layer.tried for layer in layers)
    return Agreement(
        view.name,
        sum(layer.hits for layer in layers),
        tried,
        sum(layer.chance for layer in layers),
        tuple(told),
        tuple(layer.hits / layer.tried for layer in layers),
        sum(layer.reused for layer in layers) / tried,
    )


def _layer(suspect: Model, base: Model, i: int, view: View, neurons: int, rng: np.random.Generator) -> _Layer | None:
    """One layer of the suspect against the base layer of about its depth that it fits best."""
    asked = sample(suspect, i, neurons, rng, view.folded)
    if asked is None:
        return None
    mine, experts = asked
    like = view.of(router_rows(suspect, i)[experts]) if experts else None
    found = []
    for j in _fitting(i, len(suspect.layers), len(base.layers)):
        theirs = pool(base, j, view.folded, like if "moe.router" in base.layers[j].roles else None)
        if theirs is not None:
            found.append(_ask(mine, theirs, view))
    return max(found, key=lambda layer: layer.hits - layer.chance, default=None)


def _ask(mine: Neurons, theirs: Neurons, view: View) -> _Layer:
    by_gate, cosine = nearest(view.of(mine.gate), theirs.gate)
    by_up, _ = nearest(view.of(mine.up), theirs.up)
    bound = math.sqrt(2.0 * math.log(max(len(theirs.gate), 2)) / mine.gate.shape[1]) * _REUSE_SLACK
    # a base neuron counts once: one that is everybody's nearest (a hub) is no evidence, however many find it
    hits = len(np.unique(by_gate[by_gate == by_up]))
    return _Layer(hits, int((cosine > bound).sum()), len(mine.gate), len(mine.gate) / len(theirs.gate))


def _spread(layers: int, most: int) -> list[int]:
    return sorted(set(np.linspace(0, layers - 1, min(most, layers)).round().astype(int).tolist()))


def _fitting(layer: int, mine: int, theirs: int) -> Iterator[int]:
    """Base layers at about the same relative depth; exactly the same one where both are as deep."""
    middle = round(layer * (theirs - 1) / max(mine - 1, 1))
    beside = 0 if mine == theirs else _NEIGHBOURS
    yield from range(max(0, middle - beside), min(theirs, middle + beside + 1))
