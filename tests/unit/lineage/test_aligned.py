"""Layers dropped, repeated or moved."""

from pathlib import Path

import numpy as np
import pytest
from tests.checkpoints import LLAMA, MIXTURE, State, model_of, random_state

from stillwatch.lineage.aligned import Alignment, align, lanes
from stillwatch.lineage.symmetries import blocks

DEEP = LLAMA | {"num_hidden_layers": 6}


def reordered(state: State, order: list[int]) -> State:
    """Layer i becomes what layer order[i] was."""
    after = {name: w for name, w in state.items() if ".layers." not in name}
    for to, come in enumerate(order):
        at = f"model.layers.{come}."
        after |= {f"model.layers.{to}.{name.removeprefix(at)}": w for name, w in state.items() if name.startswith(at)}
    return after


def fitted(tmp_path: Path, suspect: State, base: State) -> Alignment | None:
    """The alignment of two states."""
    a, b = model_of(tmp_path / "a", suspect, DEEP), model_of(tmp_path / "b", base, DEEP)
    return align(a, list(blocks(a)), b, list(blocks(b)), 64, 1)


@pytest.mark.parametrize("order", [[1, 2, 4, 5], [0, 1, 2, 1, 2, 3, 4, 5], [5, 0, 3]])
def test_each_layer_finds_the_layer_it_came_from(tmp_path: Path, order: list[int]) -> None:
    """
    After dropping, repeating and moving layers the exact p is at its floor for every layer.
    """
    state = random_state(DEEP, 1)

    found = fitted(tmp_path, reordered(state, order), state)

    assert found is not None
    assert list(found.base_layers) == order
    assert found.shares == (1.0,) * len(order)
    assert found.total_log10_p < -40 * len(order)
    assert found.fit.shape == (len(order), 6)


def test_strangers_pay_for_the_choice_of_a_layer(tmp_path: Path) -> None:
    """
    The best of six layers is multiplied by six, so that strangers do not gain from the choice.
    """
    found = fitted(tmp_path, random_state(DEEP, 1), random_state(DEEP, 2))

    assert found is not None
    assert found.total_log10_p > -2.0


def test_models_of_other_shapes_are_not_aligned(tmp_path: Path) -> None:
    """
    Without dense neurons of one number and width there is nothing to fit.
    """
    a = model_of(tmp_path / "a", random_state(DEEP, 1), DEEP)
    for number, change in enumerate(({"intermediate_size": 32}, {"hidden_size": 32})):
        config = DEEP | change
        b = model_of(tmp_path / str(number), random_state(config, 1), config)
        assert align(a, list(blocks(a)), b, list(blocks(b)), 64, 1) is None
    assert align(a, [], a, list(blocks(a)), 64, 1) is None


def test_layers_of_zeros_fit_nothing(tmp_path: Path) -> None:
    """
    A layer whose gate is zero divides by nothing.
    """
    state = {n: np.zeros_like(w) if "gate_proj" in n else w for n, w in random_state(DEEP, 1).items()}

    found = fitted(tmp_path, state, state)

    assert found is not None
    assert np.isfinite(found.fit).all()


def test_experts_align_where_no_layer_is_dense(tmp_path: Path) -> None:
    """
    A mixture that lost its first layer is found layer by layer through its first experts.
    """
    config = MIXTURE | {"num_hidden_layers": 5}
    state = random_state(config, 1)
    a, b = (model_of(tmp_path / str(i), s, config) for i, s in enumerate((reordered(state, [1, 2, 4]), state)))

    found = align(a, lanes(a), b, lanes(b), 64, 1)

    assert found is not None
    assert found.base_layers == (1, 2, 4)
    assert found.total_log10_p < -12 * 3
