"""
Symmetries of feed-forward blocks: SwiGLU neurons, routed experts and their neurons, shared experts.

Under grouped routing (DeepSeek V2, V3) the best groups are chosen first: experts change places only inside their group, and
groups only whole.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stillwatch.lineage.blocks import Block, Index, Move, in_order
from stillwatch.lineage.names import Layer, Model

_GROUPS_UNTOLD = 8  # n_group of DeepSeek-V2 and V3; permuting inside eighths is right under 1, 2, 4 or 8 groups


def neurons(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Dense SwiGLU: rows of gate and up, columns of down."""
    if layer.has("mlp.gate", "mlp.up", "mlp.down") and "feed-forward" not in layer.unknown:
        yield _ffn(model, "neurons", i, "", layer, "mlp")


def shared_neurons(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """The shared expert of a mixture is a dense SwiGLU."""
    if layer.has("shared.gate") and "feed-forward" not in layer.unknown:
        yield _ffn(model, "shared-expert neurons", i, "", layer, "shared")


def _ffn(model: Model, kind: str, i: int, label: str, layer: Layer, at: str) -> Block:
    n = model.weights.shape(layer.roles[at + ".gate"])[0]
    units = in_order(n)
    return Block(
        kind,
        i,
        label,
        (
            Move("gate", (layer.roles[at + ".gate"],), "rows", units),
            Move("up", (layer.roles[at + ".up"],), "rows", units),
            Move("down", (layer.roles[at + ".down"],), "columns", units),
        ),
    )


def expert_neurons(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Neurons inside each routed expert."""
    if "feed-forward" in layer.unknown:
        return
    for e in range(layer.experts):
        yield Block("expert neurons", i, f"expert {e}", _expert_moves(model, layer, e))


def _expert_moves(model: Model, layer: Layer, e: int) -> tuple[Move, ...]:
    w, roles = model.weights, layer.roles
    if f"moe.gate.{e}" in roles:
        units = in_order(w.shape(roles[f"moe.gate.{e}"])[0])
        return (
            Move("gate", (roles[f"moe.gate.{e}"],), "rows", units),
            Move("up", (roles[f"moe.up.{e}"],), "rows", units),
            Move("down", (roles[f"moe.down.{e}"],), "columns", units),
        )
    _, out, n = w.places[roles["moe.down"]].shape
    units = in_order(n)
    down = Move("down", (roles["moe.down"],), "columns", units, within=(e * out, (e + 1) * out))
    if "moe.gate_up" in roles:  # gate above up in one tensor
        both = (roles["moe.gate_up"],)
        return Move("gate", both, "rows", e * 2 * n + units), Move("up", both, "rows", e * 2 * n + n + units), down
    return Move("gate", (roles["moe.gate"],), "rows", e * n + units), Move("up", (roles["moe.up"],), "rows", e * n + units), down


def experts(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Routed experts inside one routing group, and whole groups; one group holds all where routing is not grouped."""
    count = layer.experts
    if count < 2 or "feed-forward" in layer.unknown:
        return
    groups = _routing_groups(model, layer)
    size = count // groups
    for g in range(groups):
        if size > 1:
            yield Block(
                "experts",
                i,
                f"group {g}" if groups > 1 else "",
                _whole_experts(model, layer, g * size + np.arange(size)[:, None]),
            )
    if groups > 1:
        yield Block("expert groups", i, "", _whole_experts(model, layer, np.arange(count).reshape(groups, size)))


def _routing_groups(model: Model, layer: Layer) -> int:
    told = model.weights.hints.get("n_group") if model.groups is None else model.groups
    if told is None:
        told = _GROUPS_UNTOLD if "attn.kv_a" in layer.roles else 1  # only the DeepSeek line routes by groups
    return told if told > 0 and layer.experts % told == 0 else 1


def same_routing(suspect: Model, base: Model) -> tuple[Model, Model]:
    """Both models with the finer of the two routings: experts that may change places under both may do so under the finer one."""
    groups = [_routing_groups(model, layer) for model in (suspect, base) for layer in model.layers if layer.experts > 1]
    finest = max(groups, default=1)
    return replace(suspect, groups=finest), replace(base, groups=finest)


def _whole_experts(model: Model, layer: Layer, at: Index) -> tuple[Move, ...]:
    roles, w = layer.roles, model.weights
    moves = [Move("router", (roles["moe.router"],), "rows", at)]
    if "moe.router_bias" in roles:
        moves.append(Move("router bias", (roles["moe.router_bias"],), "columns", at, compared=False))
    if "moe.down.0" in roles:
        for part in ("gate", "up", "down"):
            names = tuple(roles[f"moe.{part}.{e}"] for e in range(layer.experts))
            moves.append(Move(part, names, "tensors", at, compared=part == "gate"))
        return tuple(moves)
    for part in ("gate_up", "gate", "up", "down"):
        if f"moe.{part}" in roles:
            deep = w.places[roles[f"moe.{part}"]].shape[1]
            rows = (at[:, :, None] * deep + np.arange(deep)).reshape(len(at), -1)
            moves.append(
                Move("gate" if part == "gate_up" else part, (roles[f"moe.{part}"],), "rows", rows, compared="gate" in part)
            )
    return tuple(moves)
