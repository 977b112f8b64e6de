"""
Side by side with packaged tools, on the same pairs: `modeldna` and `knowlyr-modelaudit` (its REEF method), each as it comes.

    python -m benchmarks.quality.lineage.rivals MODELS PYTHON

MODELS is a folder for the trained models (made once); PYTHON is an interpreter of a throw-away environment with
`modeldna==0.1.0 knowlyr-modelaudit==0.4.1 torch transformers`. Models have 12 layers, because short curves confuse layer-curve
methods, and were trained on one stream of text from different seeds. Children, disguised children and innocents; ordinary pairs,
where the others do well, included.
"""

import argparse
import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from benchmarks.quality.lineage.children import (
    Config,
    State,
    disguised_children,
    frame_up,
    merged,
    noisy,
    pruned,
    requantised,
    write,
)
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, begin, corpus, one, save, train
from safetensors.numpy import load_file
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from stillwatch.lineage.base import Given
from stillwatch.lineage.run import compare
from stillwatch.lineage.weights import open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

SCENARIO = "quality.lineage-rivals"
DEEP = Shape(layers=12)
SEEDS = list(range(3000, 3006))
CONFIG: Config = {
    "hidden_size": DEEP.width, "num_attention_heads": DEEP.heads, "num_key_value_heads": DEEP.kv_heads, "head_dim": DEEP.head,
    "num_hidden_layers": DEEP.layers, "intermediate_size": DEEP.ff, "vocab_size": DEEP.vocabulary, "max_position_embeddings": 512,
}  # fmt: skip
_REEF = """
import json, sys
from modelaudit.methods.reef import REEFFingerprinter
made = []
for folder in sys.argv[1:3]:
    f = REEFFingerprinter(); f.prepare(folder); made.append(f.get_fingerprint())
found = REEFFingerprinter().compare(*made)
print(json.dumps({"score": found.similarity, "derived": bool(found.is_derived)}))
"""


def trained(folder: Path) -> list[State]:
    """Twelve-layer models of all seeds."""
    lost = [seed for seed in SEEDS if not (folder / str(seed) / "model.safetensors").is_file()]
    if lost:
        stack, loss = train(begin(DEEP, lost), DEEP, Recipe(), corpus())
        print(f"{len(lost)} models of 12 layers: {loss:.3f} nats a byte")
        for i, seed in enumerate(lost):
            save(one(stack, i), DEEP, folder / str(seed))
    return [load_file(folder / str(seed) / "model.safetensors") for seed in SEEDS]


def pairs(states: list[State]) -> dict[str, tuple[str, Callable[[], State]]]:
    """Name -> what it is, and how it is made; all against the first model."""
    base, *strangers = states
    stack, text = {name: torch.from_numpy(w)[None] for name, w in base.items()}, corpus()

    def tuned(recipe: Recipe) -> State:
        return one(train(stack, DEEP, recipe, text)[0], 0)

    made: dict[str, tuple[str, Callable[[], State]]] = {
        "fine-tuned": ("child", partial(tuned, Recipe(steps=20, rate=3e-4, offset=2_000_000))),
        "pretraining continued": ("child", partial(tuned, Recipe(offset=2_000_000))),
        "pruned 50%": ("child", partial(pruned, base, 0.5)),
        "requantised Q4_0": ("child", partial(requantised, base, "Q4_0")),
        "merged 50/50 with a stranger": ("child", partial(merged, [base, strangers[0]], [0.5, 0.5])),
        "noise 1x": ("child", partial(noisy, base, 1.0, 1)),
    }
    made |= {name: ("disguised child", make) for name, make in disguised_children(base, CONFIG).items()}
    made |= {f"stranger, seed {seed}": ("innocent", partial(dict, s)) for seed, s in zip(SEEDS[1:], strangers, strict=True)}
    return made | {"random weights with its statistics": ("innocent", partial(frame_up, base, 7))}


def complete(folder: Path, state: State) -> Path:
    """A checkpoint that transformers loads: with all of its config, and a tokenizer of bytes."""
    write(folder, state, CONFIG)
    told = CONFIG | {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rms_norm_eps": 1e-5, "hidden_act": "silu"}
    told |= {"tie_word_embeddings": "lm_head.weight" not in state, "torch_dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(told))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": letters[0], "pad_token": letters[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind))
    return folder


def ask(python: Path, suspect: Path, base: Path) -> dict[str, object]:
    """What the other tools say."""
    dna = subprocess.run(
        [python.parent / "modeldna", "compare", suspect, base, "--json"], capture_output=True, text=True, check=False
    )
    reef = subprocess.run([python, "-c", _REEF, suspect, base], capture_output=True, text=True, check=False)
    told = _json(dna)
    verdict = told.get("verdict", told)
    kept = {key: verdict[key] for key in ("verdict", "probability", "failed") if key in verdict}
    return {"modeldna": kept, "reef": _json(reef)}


def _json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        return dict(json.loads(done.stdout[done.stdout.index("{") :]))
    except ValueError:
        return {"failed": done.stderr.strip().splitlines()[-1:] or done.stdout[-200:]}


def ours(suspect: Path, base: Path) -> dict[str, object]:
    """What the two weights tests say."""
    found = compare(open_weights(suspect), [open_weights(base)], [WeightsExact(), WeightsRobust()], Given())
    return {r.test: {"verdict": str(r.verdict), "log10_p": r.log10_p, "statistic": r.statistic} for r in found.results}


def main() -> None:
    """Judge every pair by every tool, append the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("python", type=Path)
    told = parser.parse_args()
    states = trained(told.models)
    rows = []
    with TemporaryDirectory() as scratch:
        base = complete(Path(scratch) / "base", states[0])
        for name, (kind, make) in pairs(states).items():
            suspect = complete(Path(scratch) / "suspect", make())
            rows.append({"suspect": name, "kind": kind} | ask(told.python, suspect, base) | ours(suspect, base))
            print(rows[-1])
    record(SCENARIO, {"rows": rows})


if __name__ == "__main__":
    main()
