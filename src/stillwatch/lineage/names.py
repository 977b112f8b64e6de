"""
From a checkpoint's tensor names to roles: one table for safetensors names, one for GGUF names.

What a model is, is read from which roles its layers have and from their shapes. `config.json` alone decides nothing: a stranger
may carry a famous model's config, and a copy may carry none.

A tensor that neither table knows withholds the symmetries of its block (attention, feed-forward), because an unknown tensor might
have to move with the units and a symmetry that does not preserve the function is a bug.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillwatch.errors import LineageError
from stillwatch.lineage.weights import Weights

_HF_LAYER = re.compile(r"(?:model\.|language_model\.|text_model\.|transformer\.)*layers\.(\d+)\.(.+)")
_GGUF_LAYER = re.compile(r"blk\.(\d+)\.(.+)")

# name inside a layer -> role; {e} is an expert's number.
# Llama, Mistral, Mixtral, Qwen 2 and 3 (dense, MoE), Gemma 1 to 3, DeepSeek V2, V3, V3.2, Kimi K2
_HF = {
    "self_attn.q_proj.weight": "attn.q",
    "self_attn.k_proj.weight": "attn.k",
    "self_attn.v_proj.weight": "attn.v",
    "self_attn.o_proj.weight": "attn.o",
    "self_attn.q_proj.bias": "attn.q.bias",
    "self_attn.k_proj.bias": "attn.k.bias",
    "self_attn.v_proj.bias": "attn.v.bias",
    "self_attn.o_proj.bias": "attn.o.bias",
    "self_attn.q_norm.weight": "attn.q_norm",
    "self_attn.k_norm.weight": "attn.k_norm",
    "self_attn.q_a_proj.weight": "attn.q_a",
    "self_attn.q_a_layernorm.weight": "attn.q_a_norm",
    "self_attn.q_b_proj.weight": "attn.q_b",
    "self_attn.kv_a_proj_with_mqa.weight": "attn.kv_a",
    "self_attn.kv_a_layernorm.weight": "attn.kv_a_norm",
    "self_attn.kv_b_proj.weight": "attn.kv_b",
    "self_attn.indexer.wq_b.weight": "index.q_b",
    "self_attn.indexer.wk.weight": "index.k",
    "self_attn.indexer.k_norm.weight": "index.k_norm",
    "self_attn.indexer.k_norm.bias": "index.k_norm.bias",
    "self_attn.indexer.weights_proj.weight": "index.weights",
    "mlp.gate_proj.weight": "mlp.gate",
    "mlp.up_proj.weight": "mlp.up",
    "mlp.down_proj.weight": "mlp.down",
    "mlp.gate.weight": "moe.router",
    "mlp.gate.e_score_correction_bias": "moe.router_bias",
    "mlp.experts.{e}.gate_proj.weight": "moe.gate.{e}",
    "mlp.experts.{e}.up_proj.weight": "moe.up.{e}",
    "mlp.experts.{e}.down_proj.weight": "moe.down.{e}",
    "mlp.experts.gate_up_proj": "moe.gate_up",
    "mlp.experts.down_proj": "moe.down",
    "mlp.shared_experts.gate_proj.weight": "shared.gate",
    "mlp.shared_experts.up_proj.weight": "shared.up",
    "mlp.shared_experts.down_proj.weight": "shared.down",
    "mlp.shared_expert.gate_proj.weight": "shared.gate",
    "mlp.shared_expert.up_proj.weight": "shared.up",
    "mlp.shared_expert.down_proj.weight": "shared.down",
    "mlp.shared_expert_gate.weight": "shared.router",
    "block_sparse_moe.gate.weight": "moe.router",
    "block_sparse_moe.experts.{e}.w1.weight": "moe.gate.{e}",
    "block_sparse_moe.experts.{e}.w3.weight": "moe.up.{e}",
    "block_sparse_moe.experts.{e}.w2.weight": "moe.down.{e}",
    "input_layernorm.weight": "norm.1",
    "post_attention_layernorm.weight": "norm.2",
    "pre_feedforward_layernorm.weight": "norm.3",
    "post_feedforward_layernorm.weight": "norm.4",
}
_GGUF = {
    "attn_q.weight": "attn.q",
    "attn_k.weight": "attn.k",
    "attn_v.weight": "attn.v",
    "attn_output.weight": "attn.o",
    "attn_q.bias": "attn.q.bias",
    "attn_k.bias": "attn.k.bias",
    "attn_v.bias": "attn.v.bias",
    "attn_output.bias": "attn.o.bias",
    "attn_q_norm.weight": "attn.q_norm",
    "attn_k_norm.weight": "attn.k_norm",
    "attn_q_a.weight": "attn.q_a",
    "attn_q_a_norm.weight": "attn.q_a_norm",
    "attn_q_b.weight": "attn.q_b",
    "attn_kv_a_mqa.weight": "attn.kv_a",
    "attn_kv_a_norm.weight": "attn.kv_a_norm",
    "attn_kv_b.weight": "attn.kv_b",
    "attn_k_b.weight": "attn.k_b",
    "attn_v_b.weight": "attn.v_b",
    "indexer.attn_q_b.weight": "index.q_b",
    "indexer.attn_k.weight": "index.k",
    "indexer.k_norm.weight": "index.k_norm",
    "indexer.k_norm.bias": "index.k_norm.bias",
    "indexer.proj.weight": "index.weights",
    "ffn_gate.weight": "mlp.gate",
    "ffn_up.weight": "mlp.up",
    "ffn_down.weight": "mlp.down",
    "ffn_gate_inp.weight": "moe.router",
    "exp_probs_b.bias": "moe.router_bias",
    "ffn_gate_exps.weight": "moe.gate",
    "ffn_up_exps.weight": "moe.up",
    "ffn_gate_up_exps.weight": "moe.gate_up",
    "ffn_down_exps.weight": "moe.down",
    "ffn_gate.{e}.weight": "moe.gate.{e}",
    "ffn_up.{e}.weight": "moe.up.{e}",
    "ffn_down.{e}.weight": "moe.down.{e}",
    "ffn_gate_shexp.weight": "shared.gate",
    "ffn_up_shexp.weight": "shared.up",
    "ffn_down_shexp.weight": "shared.down",
    "ffn_gate_inp_shexp.weight": "shared.router",
    "attn_norm.weight": "norm.1",
    "ffn_norm.weight": "norm.2",
    "post_attention_norm.weight": "norm.3",
    "post_ffw_norm.weight": "norm.4",
}
_TOP = {
    "embed_tokens.weight": "embed",
    "lm_head.weight": "head",
    "norm.weight": "norm",
    "token_embd.weight": "embed",
    "output.weight": "head",
    "output_norm.weight": "norm",
}
_NO_WEIGHTS = ("rotary_emb.inv_freq", "rope_freqs.weight", "attn_rot_embd.weight", "_scale_inv")
_BLOCKS = {"attn": "attention", "indexer": "attention", "mlp": "feed-forward", "ffn": "feed-forward", "block": "feed-forward"}


@dataclass(frozen=True, slots=True)
class Layer:
    """Roles of one layer -> tensor names, and the blocks that hold a tensor no table knows."""

    roles: Mapping[str, str]
    experts: int = 0
    unknown: frozenset[str] = frozenset()

    def has(self, *roles: str) -> bool:
        """Are all these roles there?"""
        return all(role in self.roles for role in roles)


@dataclass(frozen=True, slots=True)
class Model:
    """
    A checkpoint with its tensors by role.

    Args:
        others: Tensors that no table knows.
        groups: Routing groups of its experts where they were settled from outside; None = as the checkpoint tells.
    """

    weights: Weights
    layers: tuple[Layer, ...]
    top: Mapping[str, str]
    others: tuple[str, ...] = ()
    groups: int | None = None

    @property
    def width(self) -> int:
        """Dimensions of the residual stream."""
        return self.weights.shape(self.top["embed"])[1]

    @property
    def family(self) -> str:
        """What kind of model its tensors make it, in words."""
        have = {role for layer in self.layers for role in layer.roles}
        attention = "MLA" if "attn.kv_a" in have else "attention with q/k norms" if "attn.q_norm" in have else "attention"
        indexer = " with DSA indexer" if "index.q_b" in have else ""
        biased = " with biases" if "attn.q.bias" in have else ""
        sandwiched = ", sandwich norms" if "norm.4" in have else ""
        count = max((layer.experts for layer in self.layers), default=0)
        mixture = f"mixture of {count} experts" if count else "dense SwiGLU"
        return f"{attention}{biased}{indexer}, {mixture}{sandwiched}, {len(self.layers)} layers, width {self.width}"


def read_names(weights: Weights) -> Model:
    """
    A checkpoint's tensors by role.

    Raises:
        LineageError: no transformer layers or no token embedding under known names, or a layer lacks half of a block.
    """
    found: dict[int, dict[str, str]] = {}
    unknown: dict[int, set[str]] = {}
    top: dict[str, str] = {}
    others = []
    for tensor in sorted(weights.places):
        if tensor.endswith(_NO_WEIGHTS):
            continue
        layer = _HF_LAYER.fullmatch(tensor) or _GGUF_LAYER.fullmatch(tensor)
        if layer is None:
            role = next((role for name, role in _TOP.items() if tensor == name or tensor.endswith("." + name)), None)
            if role is None or "vision" in tensor or role in top:
                others.append(tensor)
            else:
                top[role] = tensor
            continue
        number, role = int(layer[1]), _role(layer[2])
        if role is None:
            unknown.setdefault(number, set()).add(_BLOCKS.get(re.split(r"[._]", layer[2].replace("self_attn", "attn"))[0], "all"))
            others.append(tensor)
        else:
            found.setdefault(number, {})[role] = tensor
    if "embed" not in top or not found:
        raise LineageError(
            f"{weights.name}: no transformer layers under names that Stillwatch knows ({len(others)} other tensors)"
        )
    return Model(weights, _layers(weights, found, unknown), top, tuple(others))


def _role(inside: str) -> str | None:
    known = _HF.get(inside) or _GGUF.get(inside)
    if known is not None:
        return known
    expert = re.fullmatch(r"(.*?\.)(\d+)(\..*)", inside)
    if expert is None:
        return None
    general = f"{expert[1]}{{e}}{expert[3]}"
    role = _HF.get(general) or _GGUF.get(general)
    return None if role is None else role.replace("{e}", expert[2])


def _layers(weights: Weights, found: Mapping[int, dict[str, str]], unknown: Mapping[int, set[str]]) -> tuple[Layer, ...]:
    layers = []
    for i in range(max(found) + 1):
        roles = found.get(i, {})
        # a layer with unknown tensors outside its blocks is something else: DeepSeek's multi-token predictor, say
        if "all" in unknown.get(i, set()):
            continue
        _complete(weights, i, roles)
        layers.append(Layer(roles, _experts(weights, i, roles), frozenset(unknown.get(i, set()))))
    if not layers:
        raise LineageError(f"{weights.name}: every layer holds tensors that Stillwatch does not know")
    return tuple(layers)


_WHOLE: tuple[Sequence[str], ...] = (
    ("attn.q", "attn.k", "attn.v", "attn.o"),
    ("attn.kv_a", "attn.kv_a_norm", "attn.o"),
    ("attn.q_a", "attn.q_a_norm", "attn.q_b"),
    ("mlp.gate", "mlp.up", "mlp.down"),
    ("shared.gate", "shared.up", "shared.down"),
    ("index.q_b", "index.k", "index.k_norm", "index.weights"),
)


def _complete(weights: Weights, i: int, roles: Mapping[str, str]) -> None:
    for block in _WHOLE:
        first = block[0]
        alone = first in roles or (first == "mlp.gate" and "mlp.down" in roles)
        if first == "attn.q" and "attn.kv_a" in roles:
            continue  # MLA without a query latent (DeepSeek-V2-Lite) has q but neither k nor v
        lost = [role for role in block if role not in roles] if alone else []
        if lost:
            raise LineageError(
                f"{weights.name}: layer {i} has {first} but no {', '.join(lost)}. Tensors are missing: download it again"
            )
    if not any(role.startswith("attn.") for role in roles):
        raise LineageError(f"{weights.name}: layer {i} has no attention tensors. Tensors are missing: download it again")


def _experts(weights: Weights, i: int, roles: Mapping[str, str]) -> int:
    numbers = {
        role: sorted(int(r.rsplit(".", 1)[1]) for r in roles if re.fullmatch(role + r"\.\d+", r))
        for role in ("moe.gate", "moe.up", "moe.down")
    }
    count = len(numbers["moe.down"])
    if any(found != list(range(count)) for found in numbers.values()):
        raise LineageError(f"{weights.name}: layer {i} lacks tensors of some of its experts. Download it again")
    if count == 0 and "moe.down" in roles:
        count = weights.places[roles["moe.down"]].shape[0]
    if count and "moe.router" not in roles:
        raise LineageError(f"{weights.name}: layer {i} has experts but no router. Tensors are missing: download it again")
    return count
