"""
Symmetries of grouped-query attention: dimensions of V, KV heads, query heads of one KV head.

Q/K dimensions are no units: RoPE gives each its own frequency.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from stillwatch.lineage.blocks import Block, Index, Move
from stillwatch.lineage.names import Layer, Model

_WIDEST_HEAD = 512  # a q_norm longer than any head spans all heads (OLMo 2) and tells nothing about one


def head_width(model: Model, layer: Layer) -> int | None:
    """
    Dimensions of an attention head; None where the tensors and the checkpoint's hints do not agree on one.

    Shapes alone do not fix it (unless there is a q_norm): the hint is taken only if it divides what it must divide.
    """
    w, hints = model.weights, model.weights.hints
    q, k, o = (w.shape(layer.roles[f"attn.{r}"]) for r in "qko")
    told = hints.get("head_dim") or (hints["hidden_size"] // hints["num_attention_heads"] if _told_heads(hints) else None)
    if "attn.q_norm" in layer.roles:
        shown = w.shape(layer.roles["attn.q_norm"])[1]
        told = shown if shown <= _WIDEST_HEAD and told in (None, shown) else None
    if told is None or told < 1 or q[0] % told or k[0] % told or (q[0] // told) % (k[0] // told) or o[1] != q[0]:
        return None
    return told


def _told_heads(hints: Mapping[str, int]) -> bool:
    return hints.get("num_attention_heads", 0) > 0 and "hidden_size" in hints


def value_dims(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Dimensions of V inside a KV head: rows of V, and columns of O in every query head that reads it."""
    found = _grouped_heads(model, layer)
    if found is None:
        return
    width, n_kv, share = found
    roles, units = layer.roles, np.arange(width)[:, None]
    for g in range(n_kv):
        readers = (g * share + np.arange(share)) * width
        moves = [
            Move("v", (roles["attn.v"],), "rows", g * width + units),
            Move("o", (roles["attn.o"],), "columns", units + readers),
        ]
        if "attn.v.bias" in roles:
            moves.append(Move("v bias", (roles["attn.v.bias"],), "columns", g * width + units, compared=False))
        yield Block("value dimensions", i, f"head {g}", tuple(moves))


def kv_heads(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """KV heads, each with the query heads that read it."""
    found = _grouped_heads(model, layer)
    if found is None or found[1] < 2:
        return
    width, n_kv, share = found
    own = np.arange(n_kv * width).reshape(n_kv, width)
    read = np.arange(n_kv * share * width).reshape(n_kv, share * width)
    yield Block("KV heads", i, "", _head_moves(layer, own, read))


def query_heads(model: Model, i: int, layer: Layer) -> Iterator[Block]:
    """Query heads that read one KV head."""
    found = _grouped_heads(model, layer)
    if found is None or found[2] < 2:
        return
    width, n_kv, share = found
    for g in range(n_kv):
        read = np.arange(g * share * width, (g + 1) * share * width).reshape(share, width)
        yield Block("query heads", i, f"group {g}", _head_moves(layer, None, read))


def _grouped_heads(model: Model, layer: Layer) -> tuple[int, int, int] | None:
    """Width of a head, KV heads, query heads a KV head."""
    if not layer.has("attn.q", "attn.k", "attn.v", "attn.o") or "attention" in layer.unknown:
        return None
    width = head_width(model, layer)
    if width is None:
        return None
    n_kv = model.weights.shape(layer.roles["attn.k"])[0] // width
    return width, n_kv, model.weights.shape(layer.roles["attn.q"])[0] // width // n_kv


def _head_moves(layer: Layer, own: Index | None, read: Index) -> tuple[Move, ...]:
    roles = layer.roles
    moves = [Move("o", (roles["attn.o"],), "columns", read), Move("q", (roles["attn.q"],), "rows", read, compared=False)]
    if own is not None:
        moves.insert(0, Move("v", (roles["attn.v"],), "rows", own))
        moves.append(Move("k", (roles["attn.k"],), "rows", own, compared=False))
    for part, at in (("q", read), ("k", own), ("v", own)):
        if at is not None and f"attn.{part}.bias" in roles:
            moves.append(Move(part + " bias", (roles[f"attn.{part}.bias"],), "columns", at, compared=False))
    return tuple(moves)
