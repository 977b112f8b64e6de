"""
A few thousand numbers a checkpoint, from which most pairs of a folder are seen to be strangers without opening them again.

Two sketches: weights in place (moved little by training) and the sorted norms of neurons, which permuting neurons or residual
dimensions does not change. Sketches only choose the pairs worth a test; they never decide.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.blocks import Block
from stillwatch.lineage.names import Model
from stillwatch.lineage.symmetry_ffn import expert_neurons, neurons, shared_neurons

Float32 = NDArray[np.float32]
_UNITS = 64  # neurons of a layer whose weights are kept in place
_FEATURES = 64  # of their inputs
_NORMS = 256  # neurons of a layer whose norms are kept, sorted
_ZERO_SHARE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Sketch:
    """
    One checkpoint in short.

    Args:
        name: Of the file or folder.
        path: Where it lies.
        family: What its tensors make it, in words.
        shape: Width, and neurons of its first layer: only models that agree in it are compared in place.
        in_place: `(layers, values)` gate weights of the same neurons and inputs in every model of that shape.
        norms: `(layers, 256)` quantiles of the neurons' norms.
        n_parameters: Stored weights.
        zeros: Share of exact zeros among the weights in place.
        bits: Stored bits a weight of the gate: fewer cannot be undone.
        n_tokens: Rows of the embedding.
        kurtosis: Of all weights in place, pooled a layer at a time.
    """

    name: str
    path: Path
    family: str
    shape: tuple[int, int]
    in_place: Float32
    norms: Float32
    n_parameters: int
    zeros: float
    bits: float
    n_tokens: int
    kurtosis: float

    @property
    def layers(self) -> int:
        """Layers sketched."""
        return len(self.in_place)


def sketch(path: Path, model: Model) -> Sketch | None:
    """The sketch of a checkpoint; None where no layer has neurons that we know."""
    held = [block for i in range(len(model.layers)) if (block := _first_neurons(model, i)) is not None]
    if not held:
        return None
    weights, gate = model.weights, held[0].moves[0].tensors[0]
    shape = (model.width, held[0].n)
    rng = np.random.default_rng(zlib.crc32(repr(shape).encode()))
    units = np.sort(rng.choice(shape[1], min(_UNITS, shape[1]), replace=False))
    inputs = np.sort(rng.choice(shape[0], min(_FEATURES, shape[0]), replace=False))
    more = np.sort(rng.choice(shape[1], min(_NORMS, shape[1]), replace=False))
    alike = [block for block in held if block.n == shape[1]]
    read = [(weights.rows(b.moves[0].tensors[0], b.moves[0].at[np.union1d(units, more), 0])) for b in alike]
    everything = np.union1d(units, more)
    in_place = np.stack([rows[np.searchsorted(everything, units)][:, inputs].ravel() for rows in read])
    norms = np.stack([np.sort(np.linalg.norm(rows[np.searchsorted(everything, more)], axis=1)) for rows in read])
    code = weights.places[gate].code
    return Sketch(
        path.name,
        path,
        model.family,
        shape,
        in_place,
        norms,
        weights.n_parameters,
        round(float((in_place == 0.0).mean()), _ZERO_SHARE_DIGITS),
        8.0 * code.n_bytes / code.values,
        weights.shape(model.top["embed"])[0],
        _kurtosis(in_place),
    )


def _first_neurons(model: Model, i: int) -> Block | None:
    told = model.layers[i]
    for build in (neurons, shared_neurons, expert_neurons):
        found = next(iter(build(model, i, told)), None)
        if found is not None:
            return found
    return None


def _kurtosis(rows: Float32) -> float:
    centred = rows - rows.mean(axis=1, keepdims=True)
    second = np.maximum((centred**2).mean(axis=1), 1e-30)
    return float(((centred**4).mean(axis=1) / second**2).mean())


def in_place_distance(a: Sketch, b: Sketch) -> float:
    """
    One minus the cosine of weights in place, mean over layers: 0 for copies, about 1 for strangers, infinite across shapes.

    Where depths differ, each layer of the shallower is held against the layer of the deeper that it fits best.
    """
    if a.shape != b.shape:
        return np.inf
    shallow, deep = sorted((a, b), key=lambda s: s.layers)
    cosine = _unit(shallow.in_place) @ _unit(deep.in_place).T
    return max(0.0, 1.0 - float(np.diag(cosine).mean() if a.layers == b.layers else cosine.max(axis=1).mean()))


def _unit(rows: Float32) -> Float32:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0.0, norms, 1.0), dtype=np.float32)


def norm_distance(a: Sketch, b: Sketch) -> float:
    """Relative difference of the sorted neuron norms, layers at the same relative depth; infinite across widths of the MLP."""
    if a.shape[1] != b.shape[1]:
        return np.inf
    layers = max(a.layers, b.layers)
    left, right = (s.norms[np.linspace(0, s.layers - 1, layers).round().astype(int)] for s in (a, b))
    return float(np.linalg.norm(left - right) / max(float(np.linalg.norm(left)), 1e-30))
