"""Experts that were a dense MLP."""

from pathlib import Path

import numpy as np
from tests.checkpoints import LLAMA, MIXTURE, State, model_of, random_state

from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.upcycled import upcycled_pairs

WIDE = MIXTURE | {"moe_intermediate_size": LLAMA["intermediate_size"]}


def upcycled(dense: State) -> State:
    """Every expert a copy of the dense MLP."""
    state = {n: w for n, w in random_state(WIDE, 5).items() if ".experts." not in n}
    for i in range(3):
        for e in range(6):
            for part in ("gate", "up", "down"):
                state[f"model.layers.{i}.mlp.experts.{e}.{part}_proj.weight"] = dense[f"model.layers.{i}.mlp.{part}_proj.weight"]
    return state


def test_experts_are_held_against_the_dense_neurons_of_their_layer(tmp_path: Path) -> None:
    """
    Each neuron of an upcycled expert is most like the dense neuron in its place.
    """
    dense = random_state(LLAMA, 1)
    base, suspect = model_of(tmp_path / "b", dense, LLAMA), model_of(tmp_path / "s", upcycled(dense), WIDE)

    found = list(upcycled_pairs(suspect, list(blocks(suspect)), base, list(blocks(base)), 64, 1))

    assert {pair.kind for pair in found} == {"expert neurons against dense neurons"}
    assert len(found) == 18
    assert all(np.array_equal(p.similarity.argmax(axis=1), np.arange(40)) for p in found)


def test_experts_of_another_size_are_not(tmp_path: Path) -> None:
    """
    Split experts have no common places with the dense neurons; the robust test looks there.
    """
    base = model_of(tmp_path / "b", random_state(LLAMA, 1), LLAMA)
    suspect = model_of(tmp_path / "s", random_state(MIXTURE, 1), MIXTURE)

    assert list(upcycled_pairs(suspect, list(blocks(suspect)), base, list(blocks(base)), 64, 1)) == []
