"""Neurons of a layer, whatever holds them."""

from pathlib import Path

import numpy as np
import pytest
from tests.checkpoints import LATENT, LLAMA, MIXTURE, model_of, random_state

from stillwatch.lineage import neuron_pools
from stillwatch.lineage.neuron_pools import pool, router_rows, sample

RNG = np.random.default_rng


def test_a_pool_holds_every_neuron_of_the_layer(tmp_path: Path) -> None:
    """
    Dense, shared and routed neurons, gate and up rows of each in one order.
    """
    state = random_state(LATENT, 1)
    model = model_of(tmp_path, state, LATENT)

    dense, mixed = pool(model, 0, folded=False), pool(model, 1, folded=False)

    assert dense is not None
    assert mixed is not None
    assert np.array_equal(dense.up, state["model.layers.0.mlp.up_proj.weight"])
    assert mixed.gate.shape == (20 + 8 * 20, 24)
    assert np.array_equal(mixed.gate[:20], state["model.layers.1.mlp.shared_experts.gate_proj.weight"])
    assert np.array_equal(mixed.up[40:60], state["model.layers.1.mlp.experts.1.up_proj.weight"])


def test_of_too_many_experts_those_with_a_like_router_row_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The pool is bounded; the experts that the asked-for router rows point at are in it.
    """
    state = random_state(MIXTURE, 1)
    model = model_of(tmp_path, state, MIXTURE)
    monkeypatch.setattr(neuron_pools, "_MOST_NEURONS", 40)

    found = pool(model, 0, folded=False, like=router_rows(model, 0)[[4]])

    assert found is not None
    assert found.gate.shape == (40, 24)
    assert np.array_equal(found.gate[:20], state["model.layers.0.mlp.experts.4.gate_proj.weight"])


def test_folding_multiplies_by_the_norm_before_the_block(tmp_path: Path) -> None:
    """
    The norm's weights go into the readers: the second norm of a layer, the third where norms surround the blocks.
    """
    state = random_state(LLAMA, 1)
    plain = model_of(tmp_path / "a", state, LLAMA)
    more = {
        f"model.layers.0.{n}_feedforward_layernorm.weight": np.full(24, k, dtype=np.float32) for n, k in (("pre", 3), ("post", 5))
    }
    sandwich = model_of(tmp_path / "b", state | more, LLAMA)
    gate = state["model.layers.0.mlp.gate_proj.weight"]

    folded, inside = pool(plain, 0, folded=True), pool(sandwich, 0, folded=True)

    assert folded is not None
    assert inside is not None
    assert np.array_equal(folded.gate, gate * state["model.layers.0.post_attention_layernorm.weight"])
    assert np.array_equal(inside.gate, gate * 3)


def test_a_sample_is_of_two_experts_or_the_dense_block(tmp_path: Path) -> None:
    """
    At most so many neurons; which experts they are from is told.
    """
    mixture, dense = (
        model_of(tmp_path / "m", random_state(MIXTURE, 1), MIXTURE),
        model_of(tmp_path / "d", random_state(LLAMA, 1), LLAMA),
    )

    some, every = sample(mixture, 1, 30, RNG(1), folded=False), sample(dense, 1, 30, RNG(1), folded=False)

    assert some is not None
    assert every is not None
    assert (some[0].gate.shape, len(some[1])) == ((30, 24), 2)
    assert (every[0].gate.shape, every[1]) == ((30, 24), [])


def test_a_layer_without_known_neurons_has_none(tmp_path: Path) -> None:
    """
    An unknown tensor in the block withholds its neurons.
    """
    state = random_state(LLAMA, 1) | {"model.layers.0.mlp.gate_proj.bias": np.ones(40, dtype=np.float32)}
    model = model_of(tmp_path, state, LLAMA)

    assert pool(model, 0, folded=False) is None
    assert sample(model, 0, 10, RNG(1), folded=False) is None
