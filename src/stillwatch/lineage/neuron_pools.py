"""Neurons of a layer, whatever holds them: a dense MLP, a shared expert, routed experts. Gate and up rows of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.lineage.blocks import Block
from stillwatch.lineage.names import Model
from stillwatch.lineage.symmetry_ffn import expert_neurons, neurons, shared_neurons

_MOST_NEURONS = 32_768  # of a base layer that holds hundreds of experts


@dataclass(frozen=True, slots=True)
class Neurons:
    """Gate and up rows of the same neurons, `(neurons, width)` each."""

    gate: NDArray[np.float32]
    up: NDArray[np.float32]


def pool(model: Model, layer: int, folded: bool, like: NDArray[np.float32] | None = None) -> Neurons | None:
    """
    All neurons of a layer, at most 32,768.

    Args:
        folded: Multiply columns by the weights of the norm before the block.
        like: `(k, width)` router rows; of too many experts those are read whose router rows are most like one of these.
    """
    held = _blocks(model, layer)
    if not held:
        return None
    sizes = np.cumsum([block.n for block in held])
    if sizes[-1] > _MOST_NEURONS and like is not None:
        order = np.argsort(-(router_rows(model, layer) @ like.T).max(axis=1), kind="stable")
        routed = [block for block in held if block.kind == "expert neurons"]
        held = [block for block in held if block.kind != "expert neurons"] + [routed[i] for i in order]
        sizes = np.cumsum([block.n for block in held])
    kept = held[: max(1, int((sizes <= _MOST_NEURONS).sum()))]
    return _rows(model, layer, kept, None, folded)


def sample(model: Model, layer: int, most: int, rng: np.random.Generator, folded: bool) -> tuple[Neurons, list[int]] | None:
    """At most `most` neurons of a layer, and the experts they are from; two experts of a mixture, or the whole dense block."""
    held = _blocks(model, layer)
    if not held:
        return None
    routed = [i for i, block in enumerate(held) if block.kind == "expert neurons"]
    picked = sorted(rng.choice(routed, min(2, len(routed)), replace=False).tolist()) if routed else [0]
    kept = [held[i] for i in picked]
    each = [np.sort(rng.choice(block.n, min(block.n, -(-most // len(kept))), replace=False)) for block in kept]
    experts = [int(block.label.removeprefix("expert ")) for block in kept if block.kind == "expert neurons"]
    return _rows(model, layer, kept, each, folded), experts


def router_rows(model: Model, layer: int) -> NDArray[np.float32]:
    """The router's rows, each of length 1."""
    rows = model.weights.rows(model.layers[layer].roles["moe.router"])
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30), dtype=np.float32)


def _blocks(model: Model, layer: int) -> list[Block]:
    told = model.layers[layer]
    return [*neurons(model, layer, told), *shared_neurons(model, layer, told), *expert_neurons(model, layer, told)]


def _rows(model: Model, layer: int, held: list[Block], units: list[NDArray[np.int64]] | None, folded: bool) -> Neurons:
    parts: dict[str, list[NDArray[np.float32]]] = {"gate": [], "up": []}
    for i, block in enumerate(held):
        for move in block.moves[:2]:
            at = move.at[:, 0] if units is None else move.at[units[i], 0]
            parts[move.role].append(model.weights.rows(move.tensors[0], at))
    norm = _norm(model, layer) if folded else None
    gate, up = (np.concatenate(parts[role]) for role in ("gate", "up"))
    return Neurons(gate, up) if norm is None else Neurons(gate * norm, up * norm)


def _norm(model: Model, layer: int) -> NDArray[np.float32] | None:
    """Weights of the norm before the feed-forward block: the third of four in sandwiched layers, else the second."""
    roles = model.layers[layer].roles
    tensor = roles.get("norm.3") if "norm.4" in roles and "blk." not in roles["norm.4"] else roles.get("norm.2")
    return None if tensor is None else model.weights.rows(tensor)[0]
