"""Sketches of checkpoints."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import neurons_permuted, pruned, signed_order, stream_turned, with_layers
from tests.checkpoints import LATENT, LLAMA, MIXTURE, Config, State, noisy, random_state, write_folder, write_gguf

from stillwatch.lineage.names import read_names
from stillwatch.lineage.sketch import Sketch, in_place_distance, norm_distance, sketch
from stillwatch.lineage.weights import open_weights


def sketched(tmp_path: Path, name: str, state: State, config: Config = LLAMA) -> Sketch:
    """The sketch of a state."""
    folder = write_folder(tmp_path / name, state, config)
    found = sketch(folder, read_names(open_weights(folder)))
    assert found is not None
    return found


def test_children_lie_near_and_strangers_far(tmp_path: Path) -> None:
    """
    In place: copies 0, noisy children little, strangers about 1; other shapes not at all.
    """
    state = random_state(LLAMA, 1)
    base = sketched(tmp_path, "base", state)
    wide = LLAMA | {"intermediate_size": 44}

    distances = [
        in_place_distance(base, sketched(tmp_path, str(i), other))
        for i, other in enumerate((state, noisy(state, 0.3, 2), random_state(LLAMA, 2)))
    ]

    assert distances == [pytest.approx(0.0, abs=1e-6), pytest.approx(0.04, abs=0.02), pytest.approx(1.0, abs=0.1)]
    assert in_place_distance(base, sketched(tmp_path, "wide", random_state(wide, 1), wide)) == np.inf


def test_dropped_layers_keep_a_child_near(tmp_path: Path) -> None:
    """
    Layers of the shallower model are held against those they fit best.
    """
    state = random_state(LLAMA, 1)
    base, child = sketched(tmp_path, "a", state), sketched(tmp_path, "b", with_layers(state, [0, 2]))

    assert in_place_distance(base, child) == pytest.approx(0.0, abs=1e-6)
    assert in_place_distance(child, base) == in_place_distance(base, child)


def test_norms_see_through_permutation(tmp_path: Path) -> None:
    """
    Sorted norms of neurons do not change when neurons or residual dimensions are permuted.
    """
    state = random_state(LLAMA, 1, spread=0.3)
    for name in state:
        if "layernorm" in name:
            state[name] = np.ones_like(state[name])
    hidden = stream_turned(neurons_permuted(state, 1), signed_order(24, 2))
    base, disguised = sketched(tmp_path, "a", state), sketched(tmp_path, "b", hidden)
    stranger, wide = sketched(tmp_path, "c", random_state(LLAMA, 2)), LLAMA | {"intermediate_size": 44}

    assert norm_distance(base, disguised) < 1e-5 < norm_distance(base, stranger)
    assert in_place_distance(base, disguised) > 0.5
    assert norm_distance(base, sketched(tmp_path, "d", random_state(wide, 1), wide)) == np.inf


def test_a_sketch_tells_what_cannot_be_undone(tmp_path: Path) -> None:
    """
    Zeros of pruning, bits of the stored format, tokens and parameters.
    """
    config = LLAMA | {"hidden_size": 32, "intermediate_size": 64}
    state = random_state(config, 1)
    plain, cut = sketched(tmp_path, "a", state, config), sketched(tmp_path, "b", pruned(state, 0.5), config)
    path = write_gguf(tmp_path / "q.gguf", state, config, "Q4_0")
    quantised = sketch(path, read_names(open_weights(path)))

    assert quantised is not None
    assert (plain.zeros, plain.bits, quantised.bits) == (0.0, 32.0, 4.5)
    assert cut.zeros == pytest.approx(0.5, abs=0.05)
    assert plain.n_tokens == 96
    assert plain.n_parameters == sum(w.size for w in state.values())
    assert plain.kurtosis == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("config", [MIXTURE, LATENT], ids=["mixture", "latent"])
def test_mixtures_are_sketched_by_their_first_neurons(tmp_path: Path, config: Config) -> None:
    """
    A shared expert, or the first routed one, stands for a layer; layers of another size are left out.
    """
    state = random_state(config, 1)
    base = sketched(tmp_path, "a", state, config)

    assert in_place_distance(base, sketched(tmp_path, "b", noisy(state, 0.1, 2), config)) < 0.05


def test_a_model_without_known_neurons_has_no_sketch(tmp_path: Path) -> None:
    """
    An unknown tensor in every feed-forward block leaves nothing to sketch.
    """
    biased = {f"model.layers.{i}.mlp.gate_proj.bias": np.ones(40, dtype=np.float32) for i in range(3)}
    folder = write_folder(tmp_path, random_state(LLAMA, 1) | biased, LLAMA)

    assert sketch(folder, read_names(open_weights(folder))) is None
