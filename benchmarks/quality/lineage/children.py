"""
What people do to a model before they call it theirs: numpy alone, on a Llama checkpoint's tensors by their hub names.

Each function takes a state (name -> array) and returns another; disguises leave the function of the model unchanged.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

from stillwatch.lineage.blocks import Block, Move

State = dict[str, np.ndarray]
Config = dict[str, int]

_READERS = {
    "input_layernorm": ("self_attn.q", "self_attn.k", "self_attn.v"),
    "post_attention_layernorm": ("mlp.gate", "mlp.up"),
}


def noisy(state: Mapping[str, np.ndarray], times: float, seed: int) -> State:
    """Noise of so many times each tensor's own deviation."""
    rng = np.random.default_rng(seed)
    return {n: (w + rng.normal(size=w.shape) * w.std() * times).astype(np.float32) for n, w in state.items()}


def pruned(state: Mapping[str, np.ndarray], share: float) -> State:
    """The smallest weights of each matrix set to zero."""
    return {n: np.where(np.abs(w) < np.quantile(np.abs(w), share), 0, w) if w.ndim > 1 else w for n, w in state.items()}


def requantised(state: Mapping[str, np.ndarray], kind: str) -> State:
    """Each matrix through a GGUF quantisation and back."""
    code = gguf.GGMLQuantizationType[kind]
    block = gguf.GGML_QUANT_SIZES[code][0]
    fits = {n: w.ndim > 1 and w.shape[-1] % block == 0 for n, w in state.items()}
    return {n: gguf.dequantize(gguf.quantize(w, code), code).astype(np.float32) if fits[n] else w for n, w in state.items()}


def merged(states: Sequence[Mapping[str, np.ndarray]], shares: list[float]) -> State:
    """A weighted sum."""
    return {n: np.einsum("k,k...->...", shares, np.stack([s[n] for s in states])).astype(np.float32) for n in states[0]}


def with_layers(state: Mapping[str, np.ndarray], order: list[int]) -> State:
    """Layers dropped, repeated or moved: layer i becomes what layer order[i] was."""
    after = {n: w for n, w in state.items() if ".layers." not in n}
    for to, come in enumerate(order):
        at = f"model.layers.{come}."
        after |= {f"model.layers.{to}.{n.removeprefix(at)}": w for n, w in state.items() if n.startswith(at)}
    return after


def upcycled(state: Mapping[str, np.ndarray], experts: int, seed: int) -> State:
    """A mixture whose experts start as copies of the dense MLP, each with a little noise, behind a new router."""
    rng = np.random.default_rng(seed)
    after = {n: w for n, w in state.items() if ".mlp." not in n}
    for name in [n for n in state if ".mlp." in n]:
        before, part = name.split(".mlp.")
        for e in range(experts):
            noise = rng.normal(size=state[name].shape) * state[name].std() * 0.1
            after[f"{before}.mlp.experts.{e}.{part}"] = (state[name] + noise).astype(np.float32)
        if part.startswith("gate"):
            after[f"{before}.mlp.gate.weight"] = rng.normal(size=(experts, state[name].shape[1])).astype(np.float32) * 0.02
    return after


def neurons_permuted(state: Mapping[str, np.ndarray], seed: int) -> State:
    """Disguise: every MLP's neurons in another order."""
    rng = np.random.default_rng(seed)
    after = dict(state)
    for name in [n for n in state if n.endswith("mlp.gate_proj.weight")]:
        order, at = rng.permutation(len(state[name])), name.removesuffix("gate_proj.weight")
        after[name], after[at + "up_proj.weight"] = state[name][order], state[at + "up_proj.weight"][order]
        after[at + "down_proj.weight"] = state[at + "down_proj.weight"][:, order]
    return after


def heads_permuted(state: Mapping[str, np.ndarray], config: Config, seed: int) -> State:
    """Disguise: KV heads, with the query heads that read them, in another order."""
    rng = np.random.default_rng(seed)
    width, n_kv, heads = config["head_dim"], config["num_key_value_heads"], config["num_attention_heads"]
    after = dict(state)
    for i in range(config["num_hidden_layers"]):
        order, at = rng.permutation(n_kv), f"model.layers.{i}.self_attn."
        own = np.arange(n_kv * width).reshape(n_kv, -1)[order].ravel()
        read = np.arange(heads * width).reshape(n_kv, -1)[order].ravel()
        for part, rows in (("q", read), ("k", own), ("v", own)):
            after[f"{at}{part}_proj.weight"] = state[f"{at}{part}_proj.weight"][rows]
        after[at + "o_proj.weight"] = state[at + "o_proj.weight"][:, read]
    return after


def stream_turned(state: Mapping[str, np.ndarray], turn: np.ndarray) -> State:
    """Disguise: the residual stream in other coordinates, `(width, width)` orthogonal, after folding norms into their readers."""
    after: State = {}
    layers = 1 + max(int(n.split(".")[2]) for n in state if ".layers." in n)
    embed = state["model.embed_tokens.weight"]
    head = state.get("lm_head.weight", embed)
    after["model.embed_tokens.weight"] = embed @ turn
    after["lm_head.weight"] = (head * state["model.norm.weight"]) @ turn
    after["model.norm.weight"] = np.ones_like(state["model.norm.weight"])
    for i in range(layers):
        at = f"model.layers.{i}."
        reads = {
            "input_layernorm": ("self_attn.q", "self_attn.k", "self_attn.v"),
            "post_attention_layernorm": ("mlp.gate", "mlp.up"),
        }
        for norm, readers in reads.items():
            for reader in readers:
                name = f"{at}{reader}_proj.weight"
                after[name] = (state[name] * state[f"{at}{norm}.weight"]) @ turn
            after[f"{at}{norm}.weight"] = np.ones_like(state[f"{at}{norm}.weight"])
        for writer in ("self_attn.o", "mlp.down"):
            after[f"{at}{writer}_proj.weight"] = turn.T @ state[f"{at}{writer}_proj.weight"]
    return {n: np.ascontiguousarray(w, dtype=np.float32) for n, w in after.items()}


def moved(state: State, move: Move, order: np.ndarray) -> None:
    """Apply one move to the tensors: unit i becomes what unit order[i] was."""
    if move.along == "tensors":
        there = {name: state[name] for name in move.tensors}
        for to, come in zip(move.at.ravel(), move.at[order].ravel(), strict=True):
            state[move.tensors[to]] = there[move.tensors[come]]
        return
    whole = state[move.tensors[0]]
    matrix = whole.reshape(-1, whole.shape[-1]).copy()
    if move.along == "rows":
        matrix[move.at.ravel()] = matrix[move.at[order].ravel()]
    else:
        start, stop = move.within or (0, len(matrix))
        matrix[start:stop, move.at.ravel()] = matrix[start:stop, move.at[order].ravel()]
    state[move.tensors[0]] = matrix.reshape(whole.shape)


def permuted(
    state: Mapping[str, np.ndarray], chosen: list[Block], rng: np.random.Generator, skip: Callable[[Move], bool] = lambda _: False
) -> State:
    """Disguise: a copy of a state with the units of each block in another order, every tensor that a symmetry names with them."""
    after = dict(state)
    for block in chosen:
        order = np.roll(np.arange(block.n), 1) if block.n < 4 else rng.permutation(block.n)
        for move in block.moves:
            if not skip(move):
                moved(after, move, order)
    return after


def signed_order(width: int, seed: int) -> np.ndarray:
    """A random permutation of the coordinates with random signs, as a matrix."""
    rng = np.random.default_rng(seed)
    turn = np.zeros((width, width))
    turn[rng.permutation(width), np.arange(width)] = rng.choice([-1.0, 1.0], width)
    return turn


def random_turn(width: int, seed: int) -> np.ndarray:
    """A random rotation."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def frame_up(state: Mapping[str, np.ndarray], seed: int) -> State:
    """An innocent: random weights with the same deviation as each tensor, norms copied. Statistics match, nothing else."""
    rng = np.random.default_rng(seed)
    return {n: rng.normal(size=w.shape).astype(np.float32) * w.std() if w.ndim > 1 else w for n, w in state.items()}


def experts_doubled(state: Mapping[str, np.ndarray], seed: int) -> State:
    """A mixture of twice as many experts: each with a copy that has a little noise, router rows and biases doubled."""
    rng = np.random.default_rng(seed)
    after = dict(state)
    n = 1 + max(int(re.search(r"\.experts\.(\d+)\.", name)[1]) for name in state if ".experts." in name)  # type: ignore[index]
    for name, w in state.items():
        expert = re.search(r"\.experts\.(\d+)\.", name)
        if expert:
            twin = name.replace(expert[0], f".experts.{n + int(expert[1])}.")
            after[twin] = (w + rng.normal(size=w.shape) * w.std() * 0.1).astype(np.float32)
        elif name.endswith((".gate.weight", "e_score_correction_bias")):
            after[name] = np.concatenate([w, w])
    return after


def plain_children(state: State, stranger: State, layers: int) -> dict[str, Callable[[], State]]:
    """Descendants that nobody disguised."""
    return {
        "pruned 50%": lambda: pruned(state, 0.5),
        "requantised Q4_0": lambda: requantised(state, "Q4_0"),
        "requantised Q8_0": lambda: requantised(state, "Q8_0"),
        "merged 50/50 with a stranger": lambda: merged([state, stranger], [0.5, 0.5]),
        "noise 1x": lambda: noisy(state, 1.0, 1),
        "noise 4x": lambda: noisy(state, 4.0, 1),
        "every fourth layer dropped": lambda: with_layers(state, [i for i in range(layers) if i % 4 != 1]),
        "middle layers repeated": lambda: with_layers(state, [*range(layers * 3 // 4), *range(layers // 4, layers)]),
        "upcycled to 4 experts": lambda: upcycled(state, 4, 2),
    }


def disguised_children(state: State, config: Config) -> dict[str, Callable[[], State]]:
    """Descendants with the same function in other coordinates."""
    d = config["hidden_size"]
    return {
        "neurons permuted": lambda: neurons_permuted(state, 3),
        "neurons and heads permuted": lambda: heads_permuted(neurons_permuted(state, 3), config, 4),
        "neurons, heads and stream permuted with signs": lambda: stream_turned(
            heads_permuted(neurons_permuted(state, 3), config, 4), signed_order(d, 5)
        ),
        "neurons permuted, stream rotated": lambda: stream_turned(neurons_permuted(state, 3), random_turn(d, 6)),
    }


def write(folder: Path, state: Mapping[str, np.ndarray], config: Config) -> Path:
    """A checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({n: np.ascontiguousarray(w) for n, w in state.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    return folder
