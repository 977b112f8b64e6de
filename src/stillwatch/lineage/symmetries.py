"""
The symmetries of a transformer that give exact tests: which units of a block may change places without changing the function.

Under independent initialisation and training that treats units alike, the order of such units is uniformly random, so a block of
n units is one uniform permutation. A row of this table is a claim: every tensor that moves with the units is listed, and
the tests hold each row against real forward passes.

References:
    Zhu et al., Independence tests for language models (ICML 2025), for dense neurons; the other rows were worked out here and
    checked numerically (tests/integration/test_lineage_symmetries.py).
"""

from collections.abc import Callable, Iterator

import numpy as np

from stillwatch.lineage.blocks import Block, Index, Move, in_order
from stillwatch.lineage.names import Layer, Model
from stillwatch.lineage.symmetry_attention import kv_heads, query_heads, value_dims
from stillwatch.lineage.symmetry_ffn import expert_neurons, experts, neurons, shared_neurons
from stillwatch.lineage.symmetry_latent import (
    index_dims,
    index_heads,
    kv_latent,
    latent_heads,
    latent_value_dims,
    plain_key_dims,
    q_latent,
)

_BUILDERS: tuple[Callable[[Model, int, Layer], Iterator[Block]], ...] = (
    neurons,
    shared_neurons,
    expert_neurons,
    experts,
    value_dims,
    kv_heads,
    query_heads,
    kv_latent,
    q_latent,
    latent_heads,
    plain_key_dims,
    latent_value_dims,
    index_heads,
    index_dims,
)


def blocks(model: Model) -> Iterator[Block]:
    """Every block of every symmetry that the model's tensors show."""
    for i, layer in enumerate(model.layers):
        for build in _BUILDERS:
            yield from build(model, i, layer)
    yield residual(model)


_READS: tuple[str, ...] = (
    "attn.q",
    "attn.k",
    "attn.v",
    "attn.q_a",
    "attn.kv_a",
    "index.k",
    "index.weights",
    "mlp.gate",
    "mlp.up",
    "shared.gate",
    "shared.up",
)
_READS += (
    "moe.router",
    "moe.gate",
    "moe.up",
    "moe.gate_up",
    "shared.router",
    "norm.1",
    "norm.2",
    "norm.3",
    "norm.4",
    "attn.o.bias",
)
_WRITES = ("attn.o", "mlp.down", "shared.down", "moe.down")


def residual(model: Model) -> Block:
    """Dimensions of the residual stream: columns of embedding and head, norms, every reader's columns and writer's rows."""
    w, units = model.weights, in_order(model.width)
    runs: dict[int, Index] = {1: units}  # thousands of experts share one array of positions
    moves = [Move(role, (model.top[role],), "columns", units) for role in ("embed", "head") if role in model.top]
    if "norm" in model.top:
        moves.append(Move("norm", (model.top["norm"],), "columns", units, compared=False))
    for layer in model.layers:
        for role, tensor in layer.roles.items():
            general = role.rstrip("0123456789").rstrip(".") if role.startswith("moe.") else role
            if role in _READS or general in _READS:
                moves.append(Move(role, (tensor,), "columns", units, compared=False))
            elif general in _WRITES:
                n = w.shape(tensor)[0] // model.width  # a stack of experts has one run of rows each
                at = runs.setdefault(n, np.arange(n) * model.width + units)
                moves.append(Move(role, (tensor,), "rows", at, compared=False))
    return Block("residual dimensions", None, "", tuple(moves))
