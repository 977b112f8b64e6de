"""The exact weights test."""

import math
from pathlib import Path

import numpy as np
import pytest
from tests.checkpoints import LATENT, LLAMA, MIXTURE, Config, State, noisy, random_state, write_folder, write_gguf

from stillwatch.lineage.base import Given, MatrixPicture, NullPicture, Result, Skipped, StripPicture, Verdict
from stillwatch.lineage.proof import recompute
from stillwatch.lineage.weights import open_weights
from stillwatch.lineage.weights_exact import WeightsExact


def said(tmp_path: Path, suspect: State, base: State, config: Config = LLAMA, other: Config | None = None) -> Result | Skipped:
    """The test's word on two states."""
    a = open_weights(write_folder(tmp_path / "a", suspect, config), "suspect")
    b = open_weights(write_folder(tmp_path / "b", base, other or config), "base")
    return next(WeightsExact().run(a, [b], Given()))


@pytest.mark.parametrize("config", [LLAMA, MIXTURE, LATENT], ids=["llama", "mixture", "latent"])
def test_a_noisy_child_is_not_independently_initialised(tmp_path: Path, config: Config) -> None:
    """
    Noise as large as the weights leaves p far below 1e-12, and the numbers stored give the p that is published.
    """
    state = random_state(config, 1)

    found = said(tmp_path, noisy(state, 1.0, 2), state, config)

    assert isinstance(found, Result)
    assert found.verdict is Verdict.REJECT
    assert found.log10_p is not None
    assert found.log10_p < -12
    assert found.exact
    assert found.proof is not None
    assert recompute(found.proof) == found.log10_p
    assert found.sentence.startswith("Not independently initialised: p < 1e-12 (log10 = -")
    assert found.test == "weights-exact"


def test_a_stranger_is_left_alone(tmp_path: Path) -> None:
    """
    Nothing is said against an independent model, and the alignment is asked, too.
    """
    found = said(tmp_path, random_state(LLAMA, 1), random_state(LLAMA, 2))

    assert isinstance(found, Result)
    assert found.verdict is Verdict.NO_POWER
    assert found.sentence.startswith("Nothing that independent models do not show: p ")
    assert "neurons, layers aligned" in {part.name for part in found.parts}
    assert {type(picture) for picture in found.pictures} == {NullPicture, StripPicture, MatrixPicture}


def test_every_question_is_paid_for(tmp_path: Path) -> None:
    """
    The published p is the smallest of all questions times their number, asked or spared.
    """
    state = random_state(LLAMA, 1)

    found = said(tmp_path, noisy(state, 0.1, 2), state)

    assert isinstance(found, Result)
    smallest = min(part.log10_p for part in found.parts if part.log10_p is not None)
    assert len(found.parts) == 10  # two a symmetry; the alignment was spared
    assert found.log10_p == pytest.approx(smallest + math.log10(11))


def test_layers_in_other_places_are_found_by_alignment(tmp_path: Path) -> None:
    """
    A suspect whose layers were turned round is found through the alignment alone where the stream was changed, too.
    """
    state = random_state(LLAMA, 1)
    turned = {name: w for name, w in random_state(LLAMA, 9).items() if ".layers." not in name}
    for name in [n for n in state if ".layers." in n]:
        i = int(name.split(".")[2])
        turned[name.replace(f"layers.{i}.", f"layers.{2 - i}.")] = state[name]
    turned = {name: random_state(LLAMA, 9)[name] if ".layers.1." in name else w for name, w in turned.items()}

    found = said(tmp_path, turned, state)

    assert isinstance(found, Result)
    assert found.verdict is Verdict.REJECT
    assert "neurons, layers aligned" in found.sentence


def test_permuted_neurons_accuse_nobody(tmp_path: Path) -> None:
    """
    Where every unit was moved on purpose the exact test has no power, and says so.
    """
    state, rng = random_state(LLAMA, 1), np.random.default_rng(3)
    moved = {name: rng.permutation(w.ravel()).reshape(w.shape) for name, w in state.items()}

    found = said(tmp_path, moved, state)

    assert isinstance(found, Result)
    assert found.verdict is Verdict.NO_POWER


def test_models_without_a_common_shape_are_skipped(tmp_path: Path) -> None:
    """
    The reason names both families.
    """
    other = {"vocab_size": 50, "hidden_size": 36, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3}
    other |= {"num_key_value_heads": 3, "head_dim": 12}

    found = said(tmp_path, random_state(LLAMA, 1), random_state(other, 1), LLAMA, other)

    assert isinstance(found, Skipped)
    assert found.reason.startswith("no block of the two has the same shape: attention, dense SwiGLU, 3 layers, width 24; ")
    assert found.reason.endswith("2 layers, width 36")


def test_formats_do_not_matter(tmp_path: Path) -> None:
    """
    A quantised GGUF is found to be the child of a safetensors folder.
    """
    config = LLAMA | {"hidden_size": 32, "intermediate_size": 64}
    state = random_state(config, 1)
    suspect = open_weights(write_gguf(tmp_path / "m.gguf", state, config, "Q4_0"))
    bases = [open_weights(write_folder(tmp_path / str(i), random_state(config, i), config), str(i)) for i in (1, 2)]

    found = [r for r in WeightsExact().run(suspect, bases, Given()) if isinstance(r, Result)]

    assert [r.base for r in found] == ["1", "2"]
    assert [r.verdict for r in found] == [Verdict.REJECT, Verdict.NO_POWER]


def test_a_p_between_the_levels_accuses_nobody(tmp_path: Path) -> None:
    """
    Below the run's level but above what a rejection asks for, the result says just that.
    """
    base = random_state(LLAMA, 1)
    faint = noisy(random_state(LLAMA, 2), 0.0, 1)
    name = "model.layers.1.mlp.gate_proj.weight"
    faint[name][:3] = base[name][:3]
    faint[name.replace("gate", "up")][:3] = base[name.replace("gate", "up")][:3]

    found = [said(tmp_path / str(k), faint | {name: _mixed(faint[name], base[name], k)}, base) for k in range(4, 12)]

    between = [r for r in found if isinstance(r, Result) and r.log10_p is not None and -5 < r.log10_p <= -2]
    assert between
    for result in between:
        assert result.verdict is Verdict.NO_POWER
        assert result.sentence.startswith("Short of the p 1e-05 that speaking against a model asks for: p ")


def _mixed(faint: np.ndarray, base: np.ndarray, units: int) -> np.ndarray:
    """So many units of the base among the others."""
    mixed = faint.copy()
    mixed[:units] = base[:units]
    return mixed
