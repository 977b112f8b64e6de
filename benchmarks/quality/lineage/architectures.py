"""
Tiny models of other architectures than Llama's, trained many at once: attention with biases or q/k norms, mixtures, MLA, DSA.

As in `tiny.py` every weight carries a leading axis over models. Experts of a layer are one tensor while they are trained, and
get their hub names when they are saved. Nothing here looks at a unit's place: the initial draw alone tells strangers apart.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from benchmarks.quality.lineage.tiny import Recipe, Stack
from safetensors.numpy import save_file
from torch import Tensor
from torch.nn import functional

_EXPERTS = ".experts."
_W = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}  # Mixtral's names


@dataclass(frozen=True)
class Form:
    """One architecture: its sizes, and which of the parts it has."""

    name: str
    layers: int = 2
    width: int = 32
    vocabulary: int = 128
    ff: int = 48
    heads: int = 16
    kv_heads: int = 4
    head: int = 4
    biases: bool = False
    qk_norms: bool = False
    experts: int = 0
    expert_ff: int = 24
    shared: bool = False
    shared_router: bool = False
    latent: bool = False
    kv_rank: int = 24
    q_rank: int = 20
    nope: int = 6
    rope: int = 4
    v: int = 6
    groups: int = 1
    dense_first: int = 0
    index_heads: int = 0
    index_width: int = 10


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("llama"),
        Form("qwen2", biases=True),
        Form("qwen2_moe", biases=True, experts=6, shared=True, shared_router=True),
        Form("qwen3_moe", qk_norms=True, experts=8),
        Form("mixtral", experts=8),
        Form("deepseek_v3", heads=8, latent=True, experts=8, shared=True, groups=2, dense_first=1),
        Form("deepseek_v32", heads=8, latent=True, experts=8, shared=True, groups=2, dense_first=1, index_heads=8),
    )
}


def shapes(form: Form) -> dict[str, tuple[int, ...]]:
    """Names and shapes, experts of a layer stacked."""
    d = form.width
    told: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (form.vocabulary, d), "model.norm.weight": (d,)}
    for i in range(form.layers):
        at = f"model.layers.{i}."
        told |= {at + "input_layernorm.weight": (d,), at + "post_attention_layernorm.weight": (d,)}
        attention = _latent_shapes(form) if form.latent else _attention_shapes(form)
        told |= {f"{at}self_attn.{name}": shape for name, shape in attention.items()}
        told |= {at + name: shape for name, shape in _ffn_shapes(form, i).items()}
    return told


def _attention_shapes(f: Form) -> dict[str, tuple[int, ...]]:
    q, kv, d = f.heads * f.head, f.kv_heads * f.head, f.width
    told: dict[str, tuple[int, ...]] = {"q_proj.weight": (q, d), "k_proj.weight": (kv, d), "v_proj.weight": (kv, d)}
    told["o_proj.weight"] = (d, q)
    if f.biases:
        told |= {"q_proj.bias": (q,), "k_proj.bias": (kv,), "v_proj.bias": (kv,)}
    if f.qk_norms:
        told |= {"q_norm.weight": (f.head,), "k_norm.weight": (f.head,)}
    return told


def _latent_shapes(f: Form) -> dict[str, tuple[int, ...]]:
    d, h = f.width, f.heads
    told: dict[str, tuple[int, ...]] = {
        "q_a_proj.weight": (f.q_rank, d),
        "q_a_layernorm.weight": (f.q_rank,),
        "q_b_proj.weight": (h * (f.nope + f.rope), f.q_rank),
        "kv_a_proj_with_mqa.weight": (f.kv_rank + f.rope, d),
        "kv_a_layernorm.weight": (f.kv_rank,),
        "kv_b_proj.weight": (h * (f.nope + f.v), f.kv_rank),
        "o_proj.weight": (d, h * f.v),
    }
    if f.index_heads:
        told |= {
            "indexer.wq_b.weight": (f.index_heads * f.index_width, f.q_rank),
            "indexer.wk.weight": (f.index_width, d),
            "indexer.k_norm.weight": (f.index_width,),
            "indexer.k_norm.bias": (f.index_width,),
            "indexer.weights_proj.weight": (f.index_heads, d),
        }
    return told


def _ffn_shapes(f: Form, layer: int) -> dict[str, tuple[int, ...]]:
    d = f.width
    if not f.experts or layer < f.dense_first:
        return _swiglu_shapes("mlp", (), f.ff, d)
    told: dict[str, tuple[int, ...]] = {"mlp.gate.weight": (f.experts, d)}
    told |= _swiglu_shapes("mlp.experts", (f.experts,), f.expert_ff, d)
    if f.groups > 1:
        told["mlp.gate.e_score_correction_bias"] = (f.experts,)
    if f.shared:
        told |= _swiglu_shapes("mlp.shared_expert" if f.shared_router else "mlp.shared_experts", (), f.expert_ff, d)
    if f.shared_router:
        told["mlp.shared_expert_gate.weight"] = (1, d)
    return told


def _swiglu_shapes(at: str, stacked: tuple[int, ...], n: int, d: int) -> dict[str, tuple[int, ...]]:
    sizes = {"gate_proj": (n, d), "up_proj": (n, d), "down_proj": (d, n)}
    return {f"{at}.{part}.weight": (*stacked, *size) for part, size in sizes.items()}


def begin(form: Form, seeds: list[int]) -> Stack:
    """Fresh models, one a seed: N(0, 0.05²) matrices, norms of one, biases of zero."""
    models = []
    for seed in seeds:
        draw = torch.Generator().manual_seed(seed)
        models.append({n: _fresh(n, s, draw) for n, s in shapes(form).items()})
    return {name: torch.stack([m[name] for m in models]) for name in models[0]}


def _fresh(name: str, shape: tuple[int, ...], draw: torch.Generator) -> Tensor:
    if name.endswith("bias"):
        return torch.zeros(shape)
    return torch.ones(shape) if len(shape) == 1 else torch.randn(shape, generator=draw) * 0.05


@dataclass
class _Beside:
    """What a forward pass tells beside logits: the indexer's own loss, and how often each expert was chosen."""

    loss: Tensor
    load: dict[str, Tensor]


def forward(stack: Mapping[str, Tensor], form: Form, tokens: Tensor) -> tuple[Tensor, _Beside]:
    """Logits `(models, batch, time, vocabulary)` for tokens `(batch, time)` shared by all models."""
    x = stack["model.embed_tokens.weight"][:, tokens]  # (models, batch, time, width)
    beside = _Beside(x.new_zeros(()), {})
    for i in range(form.layers):
        at = f"model.layers.{i}."
        w = {name.removeprefix(at): value for name, value in stack.items() if name.startswith(at)}
        h = _norm(x, w["input_layernorm.weight"])
        x = x + (_latent(h, w, form, beside) if form.latent else _attention(h, w, form))
        h = _norm(x, w["post_attention_layernorm.weight"])
        x = x + (_mixture(h, w, form, at, beside) if "mlp.gate.weight" in w else _swiglu(h, w, "mlp"))
    return _apply(_norm(x, stack["model.norm.weight"]), stack["model.embed_tokens.weight"]), beside


def train(stack: Stack, form: Form, recipe: Recipe, text: Tensor) -> tuple[Stack, float]:
    """The stack after training (AdamW, warm-up then cosine), and the mean loss of the last ten steps (nats a byte)."""
    live = {name: w.clone().requires_grad_("correction_bias" not in name) for name, w in stack.items()}
    optimiser = torch.optim.AdamW([w for w in live.values() if w.requires_grad], lr=recipe.rate, weight_decay=0.1)
    warm, losses, window = max(1, recipe.steps // 10), [], recipe.batch * (recipe.length + 1)
    for step in range(recipe.steps):
        late = max(0.0, (step - warm) / max(1, recipe.steps - warm))
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * late))
        start = (recipe.offset + step * window) % (len(text) - window)
        rows = text[start : start + window].view(recipe.batch, recipe.length + 1) % form.vocabulary
        logits, beside = forward(live, form, rows[:, :-1])
        targets = rows[:, 1:].expand(len(logits), -1, -1).reshape(-1)
        loss = functional.cross_entropy(logits.flatten(0, 2), targets)
        optimiser.zero_grad()
        (loss * len(logits) + beside.loss).backward()
        optimiser.step()
        for name, load in beside.load.items():  # DeepSeek-V3's balance without a loss
            live[name] += 0.01 * torch.sign(load.mean(-1, keepdim=True) - load)
        losses.append(float(loss.detach()))
    return {name: w.detach() for name, w in live.items()}, sum(losses[-10:]) / len(losses[-10:])


def hub_state(stack: Stack, form: Form, index: int) -> dict[str, np.ndarray]:
    """One model of the stack under the names of its hub checkpoint."""
    told: dict[str, np.ndarray] = {}
    for name, weights in stack.items():
        w = weights[index].numpy().copy()
        if _EXPERTS in name:
            before, part = name.split(_EXPERTS)
            told |= {f"{before}{_EXPERTS}{e}.{part}": w[e] for e in range(form.experts)}
        else:
            told[name] = w
    return {_mixtral(name): w for name, w in told.items()} if form.name == "mixtral" else told


def _mixtral(name: str) -> str:
    for ours, theirs in _W.items():
        name = name.replace(f".{ours}.", f".{theirs}.") if _EXPERTS in name else name
    return name.replace(".mlp.", ".block_sparse_moe.")


def config_of(form: Form) -> dict[str, int]:
    """What `config.json` tells."""
    told = {"hidden_size": form.width, "num_attention_heads": form.heads, "num_hidden_layers": form.layers}
    told |= {"num_key_value_heads": form.kv_heads, "vocab_size": form.vocabulary}
    return told | ({"n_group": form.groups} if form.latent else {"head_dim": form.head})


def save(state: Mapping[str, np.ndarray], config: Mapping[str, int], folder: Path) -> Path:
    """A checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(w) for name, w in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(repr(dict(config)).replace("'", '"'))
    return folder


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    while weight.dim() < x.dim():
        weight = weight.unsqueeze(1)
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight


def _apply(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    models, batch, time, width = x.shape
    out = torch.bmm(x.reshape(models, batch * time, width), weight.transpose(1, 2)).view(models, batch, time, -1)
    return out if bias is None else out + bias[:, None, None]


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(2, 3)  # (models, batch, heads, time, head)


def _turned(x: Tensor) -> Tensor:
    width = x.shape[-1]
    angles = torch.outer(torch.arange(x.shape[-2]), 100.0 ** (-torch.arange(0, width, 2) / width)).repeat(1, 2)
    left, right = x.chunk(2, -1)
    return x * angles.cos() + torch.cat((-right, left), -1) * angles.sin()


def _attention(h: Tensor, w: Mapping[str, Tensor], f: Form) -> Tensor:
    q, k, v = (
        _heads(_apply(h, w[f"self_attn.{p}_proj.weight"], w.get(f"self_attn.{p}_proj.bias")), n)
        for p, n in (("q", f.heads), ("k", f.kv_heads), ("v", f.kv_heads))
    )
    if f.qk_norms:
        q, k = _norm(q, w["self_attn.q_norm.weight"]), _norm(k, w["self_attn.k_norm.weight"])
    share = f.heads // f.kv_heads
    mixed = functional.scaled_dot_product_attention(
        _turned(q), _turned(k).repeat_interleave(share, 2), v.repeat_interleave(share, 2), is_causal=True
    )
    return _apply(mixed.transpose(2, 3).flatten(3), w["self_attn.o_proj.weight"])


def _latent(h: Tensor, w: Mapping[str, Tensor], f: Form, beside: _Beside) -> Tensor:
    q_latent = _norm(_apply(h, w["self_attn.q_a_proj.weight"]), w["self_attn.q_a_layernorm.weight"])
    q = _heads(_apply(q_latent, w["self_attn.q_b_proj.weight"]), f.heads)
    both = _apply(h, w["self_attn.kv_a_proj_with_mqa.weight"])
    kv = _norm(both[..., : f.kv_rank], w["self_attn.kv_a_layernorm.weight"])
    kv = _heads(_apply(kv, w["self_attn.kv_b_proj.weight"]), f.heads)
    shared = _turned(both[..., None, :, f.kv_rank :]).expand(-1, -1, f.heads, -1, -1)
    q = torch.cat([q[..., : f.nope], _turned(q[..., f.nope :])], -1)
    k = torch.cat([kv[..., : f.nope], shared], -1)
    time = h.shape[2]
    later = torch.ones(time, time, dtype=torch.bool).triu(1)
    scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(later, -torch.inf)
    if f.index_heads:
        index = _indexed(h.detach(), q_latent.detach(), w, f).masked_fill(later, -torch.inf)
        target = scores.detach().softmax(-1).mean(2)
        told = index.log_softmax(-1).masked_fill(later, 0.0)
        beside.loss = beside.loss - (target * told).sum(-1).mean((1, 2)).sum()  # the indexer learns what attention looks at
        best = index.detach() >= index.detach().topk(max(1, time // 2), -1).values[..., -1:]
        scores = scores.masked_fill(~best[:, :, None], -torch.inf)
    mixed = scores.softmax(-1) @ kv[..., f.nope :]
    return _apply(mixed.transpose(2, 3).flatten(3), w["self_attn.o_proj.weight"])


def _indexed(h: Tensor, q_latent: Tensor, w: Mapping[str, Tensor], f: Form) -> Tensor:
    at = "self_attn.indexer."
    q = _heads(_apply(q_latent, w[at + "wq_b.weight"]), f.index_heads)
    k = functional.layer_norm(_apply(h, w[at + "wk.weight"]), (f.index_width,))
    k = (k * w[at + "k_norm.weight"][:, None, None] + w[at + "k_norm.bias"][:, None, None])[:, :, None]
    q, k = (torch.cat([_turned(x[..., : f.rope]), x[..., f.rope :]], -1) for x in (q, k))
    weights = _apply(h, w[at + "weights_proj.weight"]).transpose(2, 3)  # (models, batch, index heads, time)
    return torch.einsum("mbht,mbhts->mbts", weights, torch.relu(q @ k.transpose(-1, -2)))


def _swiglu(h: Tensor, w: Mapping[str, Tensor], at: str) -> Tensor:
    gate = functional.silu(_apply(h, w[f"{at}.gate_proj.weight"]))
    return _apply(gate * _apply(h, w[f"{at}.up_proj.weight"]), w[f"{at}.down_proj.weight"])


def _mixture(h: Tensor, w: Mapping[str, Tensor], f: Form, at: str, beside: _Beside) -> Tensor:
    scores = _apply(h, w["mlp.gate.weight"])
    if f.groups > 1:
        scores = torch.sigmoid(scores)
        choice = scores.detach() + w["mlp.gate.e_score_correction_bias"][:, None, None]
        grouped = choice.unflatten(-1, (f.groups, -1))
        best = grouped.topk(2, -1).values.sum(-1)
        kept = best >= best.topk(max(1, f.groups // 2), -1).values[..., -1:]
        choice = grouped.masked_fill(~kept[..., None], -torch.inf).flatten(-2)
    else:
        scores = scores.softmax(-1)
        choice = scores.detach()
    chosen = choice >= choice.topk(2, -1).values[..., -1:]
    if f.groups > 1:
        beside.load[at + "mlp.gate.e_score_correction_bias"] = chosen.float().sum((1, 2))
    shares = scores * chosen
    shares = (shares / shares.sum(-1, keepdim=True)).flatten(1, 2).transpose(1, 2)[..., None]  # (models, experts, tokens, 1)
    rows = h.flatten(1, 2)[:, None]
    gate, up, down = (w[f"mlp.experts.{p}_proj.weight"].transpose(-1, -2) for p in ("gate", "up", "down"))
    out = (((functional.silu(rows @ gate) * (rows @ up)) @ down) * shares).sum(1).view_as(h)
    if f.shared:
        name = "mlp.shared_expert" if f.shared_router else "mlp.shared_experts"
        more = _swiglu(h, w, name)
        out = out + (more * torch.sigmoid(_apply(h, w["mlp.shared_expert_gate.weight"])) if f.shared_router else more)
    return out
