"""Copies inside one model count once."""

from pathlib import Path

import numpy as np
from tests.checkpoints import LLAMA, MIXTURE, State, model_of, random_state

from stillwatch.lineage.distinct import distinct
from stillwatch.lineage.symmetries import blocks


def counted(tmp_path: Path, state: State, config: dict[str, int], most: int = 8) -> dict[str, list[tuple[int | None, str]]]:
    """Layers and labels that are kept, by symmetry."""
    model = model_of(tmp_path, state, config)
    told: dict[str, list[tuple[int | None, str]]] = {}
    for block in distinct(model.weights, list(blocks(model)), most, 1):
        told.setdefault(block.kind, []).append((block.layer, block.label))
    return told


def test_independent_blocks_are_all_kept(tmp_path: Path) -> None:
    """
    Layers and experts that were drawn apart stand apart.
    """
    told = counted(tmp_path, random_state(MIXTURE, 1), MIXTURE)

    assert len(told["expert neurons"]) == 18
    assert len(told["experts"]) == 3
    assert told["residual dimensions"] == [(None, "")]


def test_repeated_layers_count_once(tmp_path: Path) -> None:
    """
    A layer that copies the first, with noise on top, is left out; the third stays.
    """
    state = random_state(LLAMA, 1)
    rng = np.random.default_rng(2)
    for name in [n for n in state if n.startswith("model.layers.1.")]:
        copied = state[name.replace("layers.1.", "layers.0.")]
        state[name] = (copied + rng.normal(size=copied.shape) * 0.05).astype(np.float32)

    told = counted(tmp_path, state, LLAMA)

    assert told["neurons"] == [(0, ""), (2, "")]
    assert {layer for layer, _ in told["value dimensions"]} == {0, 2}
    assert {layer for layer, _ in told["query heads"]} == {0, 2}


def test_experts_that_start_as_copies_count_once(tmp_path: Path) -> None:
    """
    Of an upcycled layer one expert is kept.
    """
    state = random_state(MIXTURE, 1)
    for e in range(1, 6):
        for part in ("gate", "up", "down"):
            state[f"model.layers.2.mlp.experts.{e}.{part}_proj.weight"] = state[
                f"model.layers.2.mlp.experts.0.{part}_proj.weight"
            ]

    told = counted(tmp_path, state, MIXTURE)

    assert [label for layer, label in told["expert neurons"] if layer == 2] == ["expert 0"]
    assert len([1 for layer, _ in told["expert neurons"] if layer == 1]) == 6


def test_hundreds_of_blocks_are_thinned(tmp_path: Path) -> None:
    """
    At most so many of a symmetry in one layer.
    """
    told = counted(tmp_path, random_state(MIXTURE, 1), MIXTURE, most=2)

    assert {len([1 for layer, _ in told["expert neurons"] if layer == i]) for i in range(3)} == {2}


def test_blocks_of_zeros_are_no_copies_of_each_other(tmp_path: Path) -> None:
    """
    An untrained part, all zero, has no likeness to anything.
    """
    state = random_state(LLAMA, 1)
    for i in range(2):
        state[f"model.layers.{i}.mlp.gate_proj.weight"] = np.zeros((40, 24), dtype=np.float32)

    assert [layer for layer, _ in counted(tmp_path, state, LLAMA)["neurons"]] == [0, 1, 2]
