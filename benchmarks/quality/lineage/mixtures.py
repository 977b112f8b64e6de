"""
Power on mixtures, MLA and DSA: every way of making a child that `descendants` knows, and those that only mixtures have.

    python -m benchmarks.quality.lineage.mixtures [--forms NAME...]

Each architecture's base is a trained tiny model; a stranger of its recipe and data gives half of a merge and is judged, too.
Every undisguised child must reach p < 1e-12, every permuted one a calibrated verdict of the robust test, no innocent one either.
About half a CPU-minute an architecture.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from benchmarks.quality.lineage.architectures import FORMS, Form, begin, config_of, hub_state, save, train
from benchmarks.quality.lineage.children import (
    State,
    experts_doubled,
    frame_up,
    merged,
    noisy,
    permuted,
    pruned,
    requantised,
    upcycled,
    with_layers,
)
from benchmarks.quality.lineage.descendants import told
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Stack, corpus
from torch import Tensor

from stillwatch.lineage.names import read_names
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import Weights, open_weights

SCENARIO = "quality.lineage-mixtures"
NAMES = ("qwen2_moe", "qwen3_moe", "mixtral", "deepseek_v3", "deepseek_v32")
RECIPE = Recipe(steps=80, batch=8, length=32, rate=5e-3)
TUNED, CONTINUED = replace(RECIPE, steps=20, rate=1e-3, offset=2_000_000), replace(RECIPE, offset=2_000_000)


def larger(form: Form) -> Form:
    """Four layers, and rows of whole quantised blocks."""
    return replace(form, layers=4, width=64, expert_ff=32, ff=64, kv_rank=32, q_rank=32)


def children(form: Form, base: Stack, state: State, stranger: State, text: Tensor) -> Iterator[tuple[str, State]]:
    """Descendants that nobody disguised."""
    for name, recipe in (("fine-tuned", TUNED), ("pretraining continued", CONTINUED)):
        yield name, hub_state(train(base, form, recipe, text)[0], form, 0)
    yield "pruned 50%", pruned(state, 0.5)
    yield "requantised Q4_0", requantised(state, "Q4_0")
    yield "requantised Q8_0", requantised(state, "Q8_0")
    yield "merged 50/50 with a stranger", merged([state, stranger], [0.5, 0.5])
    yield "noise 1x", noisy(state, 1.0, 1)
    yield "noise 2x", noisy(state, 2.0, 1)
    yield "second layer dropped", with_layers(state, [0, 2, 3])
    yield "first layer dropped", with_layers(state, [1, 2, 3])
    yield "middle layers repeated", with_layers(state, [0, 1, 2, 1, 2, 3])
    yield "experts doubled", experts_doubled(state, 2)


def disguised(form: Form, state: State, folder: Path) -> Iterator[tuple[str, State]]:
    """The same function in another order of units."""
    found = list(blocks(read_names(open_weights(save(state, config_of(form), folder)))))
    inner = [block for block in found if block.kind != "residual dimensions"]
    feed_forward = [block for block in inner if "neurons" in block.kind or "expert" in block.kind]
    groups = (("neurons and experts", feed_forward), ("all units but the stream's", inner), ("all units", found))
    for name, some in groups:
        yield f"{name} permuted", permuted(state, some, np.random.default_rng(3))


def judged(form: Form, text: Tensor, scratch: Path) -> list[dict[str, object]]:
    """Every child of one architecture's base, a stranger, and an innocent with the base's statistics."""
    grown, loss = train(begin(form, [1, 2]), form, RECIPE, text)
    print(f"{form.name}: {loss:.3f} nats a byte")
    state, stranger = (hub_state(grown, form, i) for i in (0, 1))
    base = at(form, state, scratch / "base", "base")
    made = [(name, "child", child) for name, child in children(form, only(grown), state, stranger, text)]
    made += [(name, "disguised child", child) for name, child in disguised(form, state, scratch / "seen")]
    made += [
        ("stranger of its recipe and data", "innocent", stranger),
        ("random weights with its statistics", "innocent", frame_up(state, 7)),
    ]
    rows = [told(name, kind, at(form, child, scratch / "suspect", name), base) for name, kind, child in made]
    dense = replace(form, name="dense", experts=0, expert_ff=form.ff, shared=False, groups=1)
    alone = hub_state(train(begin(dense, [3]), dense, RECIPE, text)[0], dense, 0)
    grown_up = at(dense, upcycled(alone, 4, 2), scratch / "upcycled", "upcycled")
    rows.append(told("its dense form, upcycled to 4 experts", "child", grown_up, at(dense, alone, scratch / "dense", "dense")))
    for row in rows:
        print(row, flush=True)
    return rows


def only(stack: Stack) -> Stack:
    """The first model of a stack."""
    return {name: w[:1] for name, w in stack.items()}


def at(form: Form, state: State, folder: Path, name: str) -> Weights:
    """A checkpoint on disk, opened."""
    return open_weights(save(state, config_of(form), folder), name)


def main() -> None:
    """Judge one architecture after the other; a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forms", nargs="+", choices=NAMES, default=NAMES)
    torch.set_num_threads(1)
    text = corpus()
    for name in parser.parse_args().forms:
        form = larger(FORMS[name])
        with TemporaryDirectory() as scratch:
            record(SCENARIO, {"base": name, "rows": judged(form, text, Path(scratch))})


if __name__ == "__main__":
    main()
