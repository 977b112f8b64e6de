"""Small checkpoints made from seeds: names and shapes of real architectures, random weights, no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file

from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.weights import open_weights

State = dict[str, np.ndarray]
Config = dict[str, int]

LLAMA: Config = {
    "vocab_size": 96, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8,
}  # fmt: skip
MIXTURE: Config = LLAMA | {"experts": 6, "moe_intermediate_size": 20}
LATENT: Config = {
    "vocab_size": 96, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "q_rank": 20,
    "kv_rank": 24, "nope": 10, "rope": 4, "v": 12, "experts": 8, "n_group": 2, "moe_intermediate_size": 20, "index_n_heads": 6,
    "index_width": 12,
}  # fmt: skip
_PLAIN_LATENT: Config = {key: value for key, value in LATENT.items() if not key.startswith("index_")}
_SANDWICH: Config = {"qk_norms": 1, "sandwich": 1}
ARCHITECTURES: dict[str, Config] = {
    "llama": LLAMA,
    "mistral": LLAMA,
    "mixtral": MIXTURE | {"mixtral": 1},
    "qwen2": LLAMA | {"biases": 1},
    "qwen2_moe": MIXTURE | {"biases": 1, "shared_router": 1},
    "qwen3": LLAMA | {"qk_norms": 1},
    "qwen3_moe": MIXTURE | {"qk_norms": 1},
    "gemma": LLAMA,
    "gemma2": LLAMA | {"sandwich": 1},
    "gemma3": LLAMA | _SANDWICH,
    "deepseek_v2": _PLAIN_LATENT | {"softmax": 1},
    "deepseek_v2_lite": {key: value for key, value in _PLAIN_LATENT.items() if key != "q_rank"} | {"softmax": 1, "n_group": 1},
    "deepseek_v3": _PLAIN_LATENT,
    "kimi_k2": _PLAIN_LATENT | {"n_group": 1},
    "deepseek_v32": LATENT,
}
"""What tells each architecture's names and shapes from Llama's, at sizes that a test can afford."""


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Tensor names and shapes of an architecture, by what the config has: MLA, an indexer, experts, biases, norms."""
    c, d = config, config["hidden_size"]
    told: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (c["vocab_size"], d), "model.norm.weight": (d,)}
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}."
        told |= {at + "input_layernorm.weight": (d,), at + "post_attention_layernorm.weight": (d,)}
        told |= {at + name: shape for name, shape in (_latent(c) if "kv_rank" in c else _attention(c)).items()}
        if "sandwich" in c:
            told |= {at + "pre_feedforward_layernorm.weight": (d,), at + "post_feedforward_layernorm.weight": (d,)}
        told |= {at + name: shape for name, shape in _feed_forward(c, i).items()}
    return {mixtral_name(name): shape for name, shape in told.items()} if "mixtral" in c else told


def mixtral_name(name: str) -> str:
    """What Mixtral calls a tensor of a mixture's feed-forward block."""
    if ".experts." in name:
        for part, own in (("gate_proj", "w1"), ("up_proj", "w3"), ("down_proj", "w2")):
            name = name.replace(part, own)
    return name.replace(".mlp.", ".block_sparse_moe.")


def _attention(c: Config) -> dict[str, tuple[int, ...]]:
    d, q, kv = c["hidden_size"], c["num_attention_heads"] * c["head_dim"], c["num_key_value_heads"] * c["head_dim"]
    sizes = {"q": (q, d), "k": (kv, d), "v": (kv, d), "o": (d, q)}
    told: dict[str, tuple[int, ...]] = {f"self_attn.{name}_proj.weight": shape for name, shape in sizes.items()}
    if "biases" in c:
        told |= {f"self_attn.{name}_proj.bias": sizes[name][:1] for name in "qkv"}
    if "qk_norms" in c:
        told |= {f"self_attn.{name}_norm.weight": (c["head_dim"],) for name in "qk"}
    return told


def _latent(c: Config) -> dict[str, tuple[int, ...]]:
    d, h, at = c["hidden_size"], c["num_attention_heads"], "self_attn."
    n_q = h * (c["nope"] + c["rope"])
    told: dict[str, tuple[int, ...]] = {at + "q_proj.weight": (n_q, d)}
    if "q_rank" in c:
        told = {
            at + "q_a_proj.weight": (c["q_rank"], d),
            at + "q_a_layernorm.weight": (c["q_rank"],),
            at + "q_b_proj.weight": (n_q, c["q_rank"]),
        }
    told |= {
        at + "kv_a_proj_with_mqa.weight": (c["kv_rank"] + c["rope"], d),
        at + "kv_a_layernorm.weight": (c["kv_rank"],),
        at + "kv_b_proj.weight": (h * (c["nope"] + c["v"]), c["kv_rank"]),
        at + "o_proj.weight": (d, h * c["v"]),
    }
    if "index_width" in c:
        told |= {
            at + "indexer.wq_b.weight": (c["index_n_heads"] * c["index_width"], c["q_rank"]),
            at + "indexer.wk.weight": (c["index_width"], d),
            at + "indexer.k_norm.weight": (c["index_width"],),
            at + "indexer.k_norm.bias": (c["index_width"],),
            at + "indexer.weights_proj.weight": (c["index_n_heads"], d),
        }
    return told


def _feed_forward(c: Config, layer: int) -> dict[str, tuple[int, ...]]:
    d = c["hidden_size"]
    if "experts" not in c or ("kv_rank" in c and layer == 0):
        return _swiglu("mlp", c["intermediate_size"], d)
    told: dict[str, tuple[int, ...]] = {"mlp.gate.weight": (c["experts"], d)}
    for e in range(c["experts"]):
        told |= _swiglu(f"mlp.experts.{e}", c["moe_intermediate_size"], d)
    if "kv_rank" in c:
        told |= _swiglu("mlp.shared_experts", c["moe_intermediate_size"], d)
        if "softmax" not in c:
            told["mlp.gate.e_score_correction_bias"] = (c["experts"],)
    if "shared_router" in c:
        told |= _swiglu("mlp.shared_expert", c["moe_intermediate_size"], d) | {"mlp.shared_expert_gate.weight": (1, d)}
    return told


def _swiglu(at: str, n: int, d: int) -> dict[str, tuple[int, ...]]:
    return {f"{at}.gate_proj.weight": (n, d), f"{at}.up_proj.weight": (n, d), f"{at}.down_proj.weight": (d, n)}


def random_state(config: Config, seed: int, spread: float = 0.2) -> State:
    """Independent normal weights; norms and biases are random too, so that forgetting one shows."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(size=shape) * spread + (1.0 if "norm.weight" in name else 0.0)).astype(np.float32)
        for name, shape in shapes(config).items()
    }


def noisy(state: Mapping[str, np.ndarray], share: float, seed: int) -> State:
    """A child: every tensor plus noise of `share` of its deviation."""
    rng = np.random.default_rng(seed)
    return {name: (w + rng.normal(size=w.shape) * w.std() * share).astype(np.float32) for name, w in state.items()}


def write_folder(folder: Path, state: Mapping[str, np.ndarray], config: Mapping[str, Any] | None = None) -> Path:
    """A checkpoint folder; no `config.json` without a config."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: np.ascontiguousarray(w) for name, w in state.items()}, folder / "model.safetensors", metadata={"format": "pt"}
    )
    if config is not None:
        (folder / "config.json").write_text(json.dumps(dict(config)))
    return folder


def model_of(folder: Path, state: Mapping[str, np.ndarray], config: Mapping[str, Any] | None) -> Model:
    """A checkpoint written and opened."""
    return read_names(open_weights(write_folder(folder, state, config)))


_GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "mlp.gate": "ffn_gate_inp",
}  # fmt: skip


def write_gguf(
    path: Path, state: Mapping[str, np.ndarray], config: Config, kind: str = "F32", tokens: list[str] | None = None
) -> Path:
    """A Llama or mixture state as `.gguf`; matrices whose rows are whole blocks are stored as `kind`."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_key_length(config["head_dim"])
    if tokens is not None:
        writer.add_token_list(tokens)
    code = gguf.GGMLQuantizationType[kind]
    for name, weight in _stacked(state).items():
        whole = weight.ndim > 1 and weight.shape[-1] % gguf.GGML_QUANT_SIZES[code][0] == 0 and kind != "F32"
        if whole:
            writer.add_tensor(name, gguf.quantize(weight, code), raw_dtype=code)
        else:
            writer.add_tensor(name, np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _stacked(state: Mapping[str, np.ndarray]) -> State:
    """GGUF names; experts of a layer as one tensor."""
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    told: State = {top[name]: w for name, w in state.items() if name in top}
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("model.layers."))
    for i in range(layers):
        at = f"model.layers.{i}."
        inner = {name.removeprefix(at): w for name, w in state.items() if name.startswith(at)}
        for name, w in inner.items():
            if ".experts." not in name:
                told[f"blk.{i}.{_GGUF_NAMES[name.removesuffix('.weight')]}.weight"] = w
        count = sum(name.startswith("mlp.experts.") and name.endswith("gate_proj.weight") for name in inner)
        for part in ("gate", "up", "down") if count else ():
            parts = [inner[f"mlp.experts.{e}.{part}_proj.weight"] for e in range(count)]
            told[f"blk.{i}.ffn_{part}_exps.weight"] = np.stack(parts)
    return told
