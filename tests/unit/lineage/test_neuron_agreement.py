"""Do gate and up find the same neurons?"""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import (
    heads_permuted,
    neurons_permuted,
    permuted,
    random_turn,
    signed_order,
    stream_turned,
    upcycled,
    with_layers,
)
from tests.checkpoints import LLAMA, MIXTURE, Config, State, model_of, random_state

from stillwatch.lineage.neuron_agreement import Agreement, agreements
from stillwatch.lineage.symmetries import blocks

WIDE = LLAMA | {"intermediate_size": 120}


def best(tmp_path: Path, suspect: State, base: State, config: Config = WIDE) -> Agreement:
    """The view with most hits."""
    a, b = model_of(tmp_path / "a", suspect, config), model_of(tmp_path / "b", base, config)
    return max(agreements(a, b, 3, 64, 1), key=lambda seen: seen.score)


@pytest.mark.parametrize(
    ("disguise", "view"),
    [
        (lambda s: neurons_permuted(s, 1), "as they are"),
        (lambda s: heads_permuted(neurons_permuted(s, 1), WIDE, 2), "as they are"),
        (lambda s: stream_turned(neurons_permuted(s, 1), signed_order(24, 3)), "permuted with signs"),
        (lambda s: stream_turned(neurons_permuted(s, 1), random_turn(24, 4)), "rotated"),
    ],
    ids=["neurons", "heads", "signed", "rotated"],
)
def test_every_disguise_is_seen_through(tmp_path: Path, disguise: object, view: str) -> None:
    """
    All neurons of a disguised copy are found, in the coordinates that it was turned into.
    """
    state = random_state(WIDE, 1)
    assert callable(disguise)

    found = best(tmp_path, disguise(state), state)

    assert found.view == view
    assert found.hits == found.tried
    assert found.by_layer == (1.0, 1.0, 1.0)
    assert found.reused == 1.0
    assert found.score > 5


def test_strangers_agree_about_as_often_as_chance(tmp_path: Path) -> None:
    """
    Independent weights hit by accident.
    """
    found = best(tmp_path, random_state(WIDE, 1), random_state(WIDE, 2))

    assert found.chance == pytest.approx(3 * 64 / 120)
    assert found.score < 3


def test_a_hub_counts_once(tmp_path: Path) -> None:
    """
    A base neuron that is everybody's nearest by gate and by up is one hit.
    """
    suspect, base = random_state(WIDE, 1), random_state(WIDE, 2)
    for name in [n for n in suspect if "gate_proj" in n or "up_proj" in n]:
        suspect[name] = (suspect[name] + 5.0).astype(np.float32)
        base[name][7] = 9.0

    found = best(tmp_path, suspect, base)

    assert found.hits <= 3


def test_layers_are_sought_around_their_depth(tmp_path: Path) -> None:
    """
    Of a model that lost layers each is found near its relative depth.
    """
    deep = WIDE | {"num_hidden_layers": 6}
    state = random_state(deep, 1)

    found = best(tmp_path, with_layers(neurons_permuted(state, 1), [0, 1, 3, 5]), state, deep)

    assert found.hits == found.tried


def test_experts_are_found_in_other_places(tmp_path: Path) -> None:
    """
    Experts, their neurons and the stream in another order, and experts that were a dense MLP, hold the base's neurons.
    """
    state = random_state(MIXTURE, 1)
    model = model_of(tmp_path / "m", state, MIXTURE)
    kinds = {"experts", "expert neurons", "residual dimensions"}
    moved = permuted(state, [b for b in blocks(model) if b.kind in kinds], np.random.default_rng(2))
    dense = random_state(LLAMA, 3)
    a, b = model_of(tmp_path / "up", upcycled(dense, 4, 1), MIXTURE), model_of(tmp_path / "dense", dense, LLAMA)

    shuffled = best(tmp_path, moved, state, MIXTURE)
    grown = max(agreements(a, b, 3, 64, 1), key=lambda seen: seen.score)

    assert (shuffled.view, shuffled.hits) == ("permuted with signs", shuffled.tried)
    assert grown.hits > 0.5 * grown.tried


def test_models_without_common_ground_show_nothing(tmp_path: Path) -> None:
    """
    Other widths and no common tokens: no view; no neurons under known names: no layers.
    """
    other = LLAMA | {"hidden_size": 32, "vocab_size": 90}
    a, b = model_of(tmp_path / "a", random_state(LLAMA, 1), LLAMA), model_of(tmp_path / "b", random_state(other, 1), other)
    biased = {f"model.layers.{i}.mlp.gate_proj.bias": np.ones(40, dtype=np.float32) for i in range(3)}
    c = model_of(tmp_path / "c", random_state(LLAMA, 1) | biased, LLAMA)

    assert agreements(a, b, 3, 64, 1) == []
    assert agreements(c, a, 3, 64, 1) == []
    assert agreements(a, c, 3, 64, 1) == []
