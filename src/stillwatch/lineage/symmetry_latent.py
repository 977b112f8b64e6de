"""
Symmetries of multi-head latent attention (DeepSeek, Kimi), and of the DSA indexer that reads its query latent (V3.2).

All sizes come from shapes. RoPE dimensions (the last of an MLA head, the first of an index head) are no units.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stillwatch.lineage.blocks import Block, Move
from stillwatch.lineage.names import Layer, Model


@dataclass(frozen=True, slots=True)
class Latent:
    """Sizes of multi-head latent attention, read from shapes alone."""

    heads: int
    nope: int
    rope: int
    v: int
    kv: int


def latent_sizes(model: Model, layer: Layer) -> Latent | None:
    """
    Sizes of MLA; None where the shapes fit no whole numbers.

    With H heads, q has H (nope + rope) rows, kv_b has H (nope + v), o has H v columns, and rope is what kv_a has beyond its norm.
    """
    roles, w = layer.roles, model.weights
    kv = w.shape(roles["attn.kv_a_norm"])[1]
    rope = w.shape(roles["attn.kv_a"])[0] - kv
    q = w.shape(roles.get("attn.q_b") or roles["attn.q"])[0]
    o = w.shape(roles["attn.o"])[1]
    if "attn.kv_b" in roles:
        both = w.shape(roles["attn.kv_b"])[0]
    elif layer.has("attn.k_b", "attn.v_b") and len(w.places[roles["attn.k_b"]].shape) == 3:
        heads, _, nope = w.places[roles["attn.k_b"]].shape
        both = heads * (nope + w.places[roles["attn.v_b"]].shape[1])
    else:
        return None
    heads = (q - both + o) // rope if rope > 0 else 0
    if heads < 1 or (q - both + o) % rope or q % heads or both % heads or o % heads or q // heads <= rope:
        return None
    return Latent(heads, q // heads - rope, rope, o // heads, kv)


def _latent(model: Model, layer: Layer) -> Latent | None:
    if not layer.has("attn.kv_a", "attn.kv_a_norm") or "attention" in layer.unknown:
        return None
    return latent_sizes(model, layer)


def kv_latent(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """MLA's KV latent: rows of kv_a (not its RoPE rows), its norm, columns of kv_b."""
    sizes = _latent(model, layer)
    if sizes is None:
        return
    units, roles = np.arange(sizes.kv)[:, None], layer.roles
    moves = [
        Move("kv_a", (roles["attn.kv_a"],), "rows", units),
        Move("kv_a norm", (roles["attn.kv_a_norm"],), "columns", units, compared=False),
    ]
    if "attn.kv_b" in roles:
        moves.append(Move("kv_b", (roles["attn.kv_b"],), "columns", units))
    else:  # llama.cpp splits kv_b: K transposed (heads, latent, nope), V as (heads, v, latent)
        rows = np.arange(sizes.heads) * sizes.kv + units
        moves.append(Move("k_b", (roles["attn.k_b"],), "rows", rows, compared=False))
        moves.append(Move("v_b", (roles["attn.v_b"],), "columns", units, compared=False))
    yield Block("KV latent", i, "", tuple(moves))


def q_latent(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """MLA's query latent: rows of q_a, its norm, columns of q_b, and of the indexer's wq_b where there is one."""
    if _latent(model, layer) is None or not layer.has("attn.q_a"):
        return
    roles = layer.roles
    units = np.arange(model.weights.shape(roles["attn.q_a"])[0])[:, None]
    moves = [
        Move("q_a", (roles["attn.q_a"],), "rows", units),
        Move("q_b", (roles["attn.q_b"],), "columns", units),
        Move("q_a norm", (roles["attn.q_a_norm"],), "columns", units, compared=False),
    ]
    if "index.q_b" in roles:
        moves.append(Move("index q_b", (roles["index.q_b"],), "columns", units))
    yield Block("query latent", i, "", tuple(moves))


def latent_heads(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Heads of MLA: their rows of q_b and kv_b, their columns of o."""
    sizes = _latent(model, layer)
    if sizes is None or sizes.heads < 2:
        return
    h, roles = sizes.heads, layer.roles
    query = roles.get("attn.q_b") or roles["attn.q"]
    moves = [
        Move("q_b", (query,), "rows", np.arange(h * (sizes.nope + sizes.rope)).reshape(h, -1)),
        Move("o", (roles["attn.o"],), "columns", np.arange(h * sizes.v).reshape(h, -1)),
    ]
    if "attn.kv_b" in roles:
        moves.append(Move("kv_b", (roles["attn.kv_b"],), "rows", np.arange(h * (sizes.nope + sizes.v)).reshape(h, -1)))
    else:
        moves.append(Move("k_b", (roles["attn.k_b"],), "rows", np.arange(h * sizes.kv).reshape(h, -1), compared=False))
        moves.append(Move("v_b", (roles["attn.v_b"],), "rows", np.arange(h * sizes.v).reshape(h, -1), compared=False))
    yield Block("MLA heads", i, "", tuple(moves))


def plain_key_dims(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Dimensions of MLA's K without RoPE, inside each head: rows of q_b and kv_b."""
    sizes = _latent(model, layer)
    if sizes is None or sizes.nope < 2:
        return
    roles, units = layer.roles, np.arange(sizes.nope)[:, None]
    query = roles.get("attn.q_b") or roles["attn.q"]
    for h in range(sizes.heads):
        q = Move("q_b", (query,), "rows", h * (sizes.nope + sizes.rope) + units)
        if "attn.kv_b" in roles:
            k = Move("kv_b", (roles["attn.kv_b"],), "rows", h * (sizes.nope + sizes.v) + units)
        else:
            k = Move("k_b", (roles["attn.k_b"],), "columns", units, within=(h * sizes.kv, (h + 1) * sizes.kv), compared=False)
        yield Block("key dimensions without RoPE", i, f"head {h}", (q, k))


def latent_value_dims(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Dimensions of MLA's V inside each head: rows of kv_b, columns of o."""
    sizes = _latent(model, layer)
    if sizes is None or sizes.v < 2:
        return
    roles, units = layer.roles, np.arange(sizes.v)[:, None]
    for h in range(sizes.heads):
        o = Move("o", (roles["attn.o"],), "columns", h * sizes.v + units)
        if "attn.kv_b" in roles:
            v = Move("v", (roles["attn.kv_b"],), "rows", h * (sizes.nope + sizes.v) + sizes.nope + units)
        else:
            v = Move("v", (roles["attn.v_b"],), "rows", h * sizes.v + units)
        yield Block("MLA value dimensions", i, f"head {h}", (v, o))


def _index_sizes(model: Model, layer: Layer) -> tuple[int, int] | None:
    """Heads of DSA's indexer, and dimensions of one."""
    if not layer.has("index.q_b", "index.k", "index.weights") or "attention" in layer.unknown:
        return None
    heads, width = model.weights.shape(layer.roles["index.weights"])[0], model.weights.shape(layer.roles["index.k"])[0]
    return (heads, width) if model.weights.shape(layer.roles["index.q_b"])[0] == heads * width else None


def index_heads(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Heads of DSA's indexer: their rows of wq_b, and their row of weights_proj."""
    sizes = _index_sizes(model, layer)
    if sizes is None or sizes[0] < 2:
        return
    heads, width = sizes
    roles = layer.roles
    rows = np.arange(heads * width).reshape(heads, width)
    moves = (
        Move("index q_b", (roles["index.q_b"],), "rows", rows),
        Move("index weights", (roles["index.weights"],), "rows", np.arange(heads)[:, None]),
    )
    yield Block("index heads", i, "", moves)


def index_dims(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Dimensions of DSA's indexer behind its RoPE dimensions (which come first): rows of wq_b and wk, the key norm."""
    sizes, latent = _index_sizes(model, layer), _latent(model, layer)
    if sizes is None or latent is None or sizes[1] - latent.rope < 2:
        return
    heads, width = sizes
    roles, units = layer.roles, np.arange(latent.rope, width)[:, None]
    moves = [
        Move("index k", (roles["index.k"],), "rows", units),
        Move("index q_b", (roles["index.q_b"],), "rows", np.arange(heads) * width + units),
        Move("index k norm", (roles["index.k_norm"],), "columns", units, compared=False),
    ]
    if "index.k_norm.bias" in roles:
        moves.append(Move("index k norm bias", (roles["index.k_norm.bias"],), "columns", units, compared=False))
    yield Block("index dimensions", i, "", tuple(moves))
