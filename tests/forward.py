"""Reference forward passes in numpy, with what tells the architectures of `tests.checkpoints` apart; no torch."""

from collections.abc import Mapping

import numpy as np
from tests.checkpoints import Config, mixtral_name

State = Mapping[str, np.ndarray]
_EPSILON = 1e-6


def logits(state: State, config: Config, tokens: np.ndarray) -> np.ndarray:
    """Logits `(time, vocabulary)` in float64."""
    w = {name: value.astype(np.float64) for name, value in _plainly_named(state, config).items()}
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(config["num_hidden_layers"]):
        layer = {n.removeprefix(f"model.layers.{i}."): v for n, v in w.items() if n.startswith(f"model.layers.{i}.")}
        h = _norm(x, layer["input_layernorm.weight"])
        h = _latent(h, layer, config) if "kv_rank" in config else _attention(h, layer, config)
        sandwich, after = "sandwich" in config, layer["post_attention_layernorm.weight"]
        x = x + (_norm(h, after) if sandwich else h)
        h = _norm(x, layer["pre_feedforward_layernorm.weight"] if sandwich else after)
        h = _mixture(h, layer, config) if "mlp.gate.weight" in layer else _swiglu(h, layer, "mlp")
        x = x + (_norm(h, layer["post_feedforward_layernorm.weight"]) if sandwich else h)
    return _norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T


def _plainly_named(state: State, config: Config) -> State:
    """Mixtral's tensors under the names of the others."""
    if "mixtral" not in config:
        return state
    plain = dict(state)
    for e in range(config["experts"]):
        for i in range(config["num_hidden_layers"]):
            for part in ("gate_proj", "up_proj", "down_proj"):
                name = f"model.layers.{i}.mlp.experts.{e}.{part}.weight"
                plain[name] = plain.pop(mixtral_name(name))
            plain[f"model.layers.{i}.mlp.gate.weight"] = state[f"model.layers.{i}.block_sparse_moe.gate.weight"]
    return plain


def _norm(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + _EPSILON) * weight


def _swiglu(x: np.ndarray, w: State, at: str) -> np.ndarray:
    gate = x @ w[f"{at}.gate_proj.weight"].T
    return (gate / (1.0 + np.exp(-gate)) * (x @ w[f"{at}.up_proj.weight"].T)) @ w[f"{at}.down_proj.weight"].T


def _rotate(x: np.ndarray) -> np.ndarray:
    """RoPE over the last axis of `(heads, time, width)`."""
    width = x.shape[-1]
    angles = np.outer(np.arange(x.shape[-2]), 100.0 ** (-np.arange(0, width, 2) / width))
    left, right = x[..., : width // 2], x[..., width // 2 :]
    return np.concatenate(
        [left * np.cos(angles) - right * np.sin(angles), right * np.cos(angles) + left * np.sin(angles)], axis=-1
    )


def _mixed(q: np.ndarray, k: np.ndarray, v: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    scores = np.where(allowed, np.einsum("htd,hsd->hts", q, k) / np.sqrt(q.shape[-1]), -np.inf)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.einsum("hts,hsd->htd", shares / shares.sum(axis=-1, keepdims=True), v)


def _heads(x: np.ndarray, n: int) -> np.ndarray:
    return x.reshape(len(x), n, -1).transpose(1, 0, 2)


def _attention(x: np.ndarray, w: State, c: Config) -> np.ndarray:
    n, kv = c["num_attention_heads"], c["num_key_value_heads"]
    q, k, v = (
        _heads(x @ w[f"self_attn.{p}_proj.weight"].T + w.get(f"self_attn.{p}_proj.bias", 0.0), heads)
        for p, heads in (("q", n), ("k", kv), ("v", kv))
    )
    if "qk_norms" in c:
        q, k = _norm(q, w["self_attn.q_norm.weight"]), _norm(k, w["self_attn.k_norm.weight"])
    k, v = _rotate(k).repeat(n // kv, axis=0), v.repeat(n // kv, axis=0)
    mixed = _mixed(_rotate(q), k, v, np.tril(np.ones((len(x), len(x)), dtype=bool)))
    return mixed.transpose(1, 0, 2).reshape(len(x), -1) @ w["self_attn.o_proj.weight"].T


def _latent(x: np.ndarray, w: State, c: Config) -> np.ndarray:
    n, nope, time, at = c["num_attention_heads"], c["nope"], len(x), "self_attn."
    if "q_rank" in c:
        q_latent = _norm(x @ w[at + "q_a_proj.weight"].T, w[at + "q_a_layernorm.weight"])
        q = _heads(q_latent @ w[at + "q_b_proj.weight"].T, n)
    else:
        q_latent = x
        q = _heads(x @ w[at + "q_proj.weight"].T, n)
    both = x @ w[at + "kv_a_proj_with_mqa.weight"].T
    kv = _heads(_norm(both[:, : c["kv_rank"]], w[at + "kv_a_layernorm.weight"]) @ w[at + "kv_b_proj.weight"].T, n)
    shared = _rotate(both[None, :, c["kv_rank"] :]).repeat(n, axis=0)
    q = np.concatenate([q[..., :nope], _rotate(q[..., nope:])], axis=-1)
    k = np.concatenate([kv[..., :nope], shared], axis=-1)
    allowed = np.tril(np.ones((time, time), dtype=bool))
    if "index_width" in c:
        allowed &= _indexed(x, q_latent, w, c)
    mixed = _mixed(q, k, kv[..., nope:], allowed)
    return mixed.transpose(1, 0, 2).reshape(time, -1) @ w[at + "o_proj.weight"].T


def _indexed(x: np.ndarray, q_latent: np.ndarray, w: State, c: Config, keep: int = 4) -> np.ndarray:
    """Which earlier tokens DSA's indexer lets each token see: the best `keep`."""
    at, rope, time = "self_attn.indexer.", c["rope"], len(x)
    q = _heads(q_latent @ w[at + "wq_b.weight"].T, c["index_n_heads"])
    k = x @ w[at + "wk.weight"].T
    k = (k - k.mean(-1, keepdims=True)) / np.sqrt(k.var(-1, keepdims=True) + _EPSILON) * w[at + "k_norm.weight"] + w[
        at + "k_norm.bias"
    ]
    q = np.concatenate([_rotate(q[..., :rope]), q[..., rope:]], axis=-1)
    k = np.concatenate([_rotate(k[None, :, :rope])[0], k[:, rope:]], axis=-1)
    scores = np.einsum("th,hts->ts", x @ w[at + "weights_proj.weight"].T, np.maximum(np.einsum("htd,sd->hts", q, k), 0.0))
    scores = np.where(np.tril(np.ones((time, time), dtype=bool)), scores, -np.inf)
    threshold = np.sort(scores, axis=-1)[:, -min(keep, time)][:, None]
    return scores >= threshold


def _mixture(x: np.ndarray, w: State, c: Config) -> np.ndarray:
    """Top-2 of softmaxed scores, in DeepSeek's best half of the groups; V3 has sigmoids, and a bias for the choice alone."""
    scores = x @ w["mlp.gate.weight"].T
    if "kv_rank" in c:
        v2 = "softmax" in c
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True)) if v2 else 1.0 / (1.0 + np.exp(-scores))
        choice = scores if v2 else scores + w["mlp.gate.e_score_correction_bias"]
        grouped = choice.reshape(len(x), c["n_group"], -1)
        best = grouped.max(axis=-1) if v2 else np.sort(grouped, axis=-1)[..., -2:].sum(axis=-1)
        kept = best >= np.sort(best, axis=-1)[:, -max(1, c["n_group"] // 2)][:, None]
        choice = np.where(np.repeat(kept, grouped.shape[-1], axis=-1), choice, -np.inf)
    else:
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        choice = scores
    shares = np.where(choice >= np.sort(choice, axis=-1)[:, -2][:, None], scores, 0.0)
    shares = shares / shares.sum(axis=-1, keepdims=True)
    out = sum(shares[:, [e]] * _swiglu(x, w, f"mlp.experts.{e}") for e in range(c["experts"]))
    if "shared_router" in c:
        out = out + _swiglu(x, w, "mlp.shared_expert") / (1.0 + np.exp(-x @ w["mlp.shared_expert_gate.weight"].T))
    return out + _swiglu(x, w, "mlp.shared_experts") if "kv_rank" in c else out
