"""
Tiny Llamas trained from seeds: same data in the same order, so that only the initial draw tells strangers apart.

Many are trained at once: every weight carries a leading axis over models, and a step is a handful of batched products.
"""

import math
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor
from torch.nn import functional

Stack = dict[str, Tensor]
"""Weights of several models, each `(models, …)`, by their names in a Llama checkpoint."""


@dataclass(frozen=True)
class Shape:
    """Sizes of one tiny Llama; the vocabulary is the 256 bytes."""

    layers: int = 4
    width: int = 64
    ff: int = 160
    heads: int = 4
    kv_heads: int = 2
    vocabulary: int = 256

    @property
    def head(self) -> int:
        """Dimensions of a head."""
        return self.width // self.heads


@dataclass(frozen=True)
class Recipe:
    """How they are trained: AdamW, warm-up then cosine or a constant rate, one stream of text."""

    steps: int = 150
    batch: int = 16
    length: int = 64
    rate: float = 3e-3
    offset: int = 0  # where in the text the stream starts
    constant: bool = False  # after the warm-up the rate stays, as in the last stage of many fine-tunes; else a cosine to 0


def corpus(n_bytes: int = 4_000_000) -> Tensor:
    """Text that every machine with Python has: the standard library's own sources, in order of name."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    raw = bytearray()
    for path in sorted(folder.glob("*.py")):
        raw += path.read_bytes()
        if len(raw) >= n_bytes:
            break
    return torch.from_numpy(np.frombuffer(bytes(raw[:n_bytes]), dtype=np.uint8).astype(np.int64))


def shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a Llama checkpoint with tied embeddings."""
    d, kv = shape.width, shape.kv_heads * shape.head
    told: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (shape.vocabulary, d), "model.norm.weight": (d,)}
    for i in range(shape.layers):
        at = f"model.layers.{i}."
        told |= {at + "self_attn.q_proj.weight": (d, d), at + "self_attn.k_proj.weight": (kv, d)}
        told |= {at + "self_attn.v_proj.weight": (kv, d), at + "self_attn.o_proj.weight": (d, d)}
        told |= {at + "mlp.gate_proj.weight": (shape.ff, d), at + "mlp.up_proj.weight": (shape.ff, d)}
        told |= {at + "mlp.down_proj.weight": (d, shape.ff)}
        told |= {at + "input_layernorm.weight": (d,), at + "post_attention_layernorm.weight": (d,)}
    return told


def begin(shape: Shape, seeds: list[int]) -> Stack:
    """Fresh models, one a seed: N(0, 0.02²) matrices, norms of one."""
    models = []
    for seed in seeds:
        draw = torch.Generator().manual_seed(seed)
        models.append(
            {n: torch.ones(s) if len(s) == 1 else torch.randn(s, generator=draw) * 0.02 for n, s in shapes(shape).items()}
        )
    return {name: torch.stack([m[name] for m in models]) for name in models[0]}


def forward(stack: Stack, shape: Shape, tokens: Tensor) -> Tensor:
    """Logits `(models, batch, time, vocabulary)` for tokens `(batch, time)` shared by all models."""
    models, (batch, time) = len(stack["model.norm.weight"]), tokens.shape
    x = stack["model.embed_tokens.weight"][:, tokens]  # (models, batch, time, width)
    turn = _rotation(time, shape.head)
    for i in range(shape.layers):
        at = f"model.layers.{i}."
        h = _norm(x, stack[at + "input_layernorm.weight"])
        q = _turned(_heads(_apply(h, stack[at + "self_attn.q_proj.weight"]), shape.heads), turn)
        k = _turned(_heads(_apply(h, stack[at + "self_attn.k_proj.weight"]), shape.kv_heads), turn)
        v = _heads(_apply(h, stack[at + "self_attn.v_proj.weight"]), shape.kv_heads)
        share = shape.heads // shape.kv_heads
        mixed = functional.scaled_dot_product_attention(
            q, k.repeat_interleave(share, 2), v.repeat_interleave(share, 2), is_causal=True
        )
        mixed = mixed.transpose(2, 3).reshape(models, batch, time, shape.width)
        x = x + _apply(mixed, stack[at + "self_attn.o_proj.weight"])
        h = _norm(x, stack[at + "post_attention_layernorm.weight"])
        gate = functional.silu(_apply(h, stack[at + "mlp.gate_proj.weight"]))
        x = x + _apply(gate * _apply(h, stack[at + "mlp.up_proj.weight"]), stack[at + "mlp.down_proj.weight"])
    return _apply(_norm(x, stack["model.norm.weight"]), stack["model.embed_tokens.weight"])


def train(stack: Stack, shape: Shape, recipe: Recipe, text: Tensor) -> tuple[Stack, float]:
    """The stack after training, and the mean loss of the last ten steps (nats a byte)."""
    live = {name: w.clone().requires_grad_(True) for name, w in stack.items()}
    optimiser = torch.optim.AdamW(live.values(), lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.1)
    warm = max(1, recipe.steps // 10)
    losses = []
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            late = 0.0 if recipe.constant else (step - warm) / max(1, recipe.steps - warm)
            group["lr"] = recipe.rate * (min(1.0, (step + 1) / warm) if step < warm else 0.5 * (1 + math.cos(math.pi * late)))
        window = recipe.batch * (recipe.length + 1)
        start = (recipe.offset + step * window) % (len(text) - window)
        rows = text[start : start + window].view(recipe.batch, recipe.length + 1)
        logits = forward(live, shape, rows[:, :-1])
        targets = rows[:, 1:].expand(len(logits), -1, -1).reshape(-1)
        loss = functional.cross_entropy(logits.flatten(0, 2), targets)
        optimiser.zero_grad()
        (loss * len(logits)).backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return {name: w.detach() for name, w in live.items()}, sum(losses[-10:]) / len(losses[-10:])


def one(stack: Stack, index: int) -> dict[str, np.ndarray]:
    """One model of the stack as numpy arrays."""
    return {name: w[index].numpy().copy() for name, w in stack.items()}


def save(weights: dict[str, np.ndarray], shape: Shape, folder: Path) -> Path:
    """A checkpoint folder as the hub has them: `model.safetensors` and `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(w) for name, w in weights.items()}, folder / "model.safetensors")
    config = (
        f'{{"model_type": "llama", "hidden_size": {shape.width}, "num_attention_heads": {shape.heads}, '
        f'"num_key_value_heads": {shape.kv_heads}, "num_hidden_layers": {shape.layers}, "head_dim": {shape.head}, '
        f'"intermediate_size": {shape.ff}, "vocab_size": {shape.vocabulary}, "tie_word_embeddings": true, '
        f'"architectures": ["LlamaForCausalLM"], "rms_norm_eps": 1e-05, "hidden_act": "silu"}}\n'
    )
    (folder / "config.json").write_text(config)
    return folder


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight[:, None, None]


def _apply(x: Tensor, weight: Tensor) -> Tensor:
    models, batch, time, width = x.shape
    return torch.bmm(x.reshape(models, batch * time, width), weight.transpose(1, 2)).view(models, batch, time, -1)


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(2, 3)  # (models, batch, heads, time, head)


def _rotation(time: int, head: int) -> tuple[Tensor, Tensor]:
    rates = 10_000.0 ** (-torch.arange(0, head, 2) / head)
    angles = torch.outer(torch.arange(time), rates).repeat(1, 2)
    return angles.cos(), angles.sin()


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    left, right = x.chunk(2, -1)
    return x * turn[0] + torch.cat((-right, left), -1) * turn[1]
