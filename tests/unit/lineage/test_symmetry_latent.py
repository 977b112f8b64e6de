"""MLA and DSA: sizes from shapes, and the split tensors of GGUF."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import permuted
from tests.checkpoints import LATENT, LLAMA, State, model_of, random_state
from tests.forward import logits

from stillwatch.lineage.blocks import Block
from stillwatch.lineage.names import Layer, Model
from stillwatch.lineage.symmetry_latent import (
    Latent,
    index_dims,
    index_heads,
    kv_latent,
    latent_heads,
    latent_sizes,
    latent_value_dims,
    plain_key_dims,
    q_latent,
)

Builder = Callable[[Model, int, Layer], Iterator[Block]]
BUILDERS: tuple[Builder, ...] = (kv_latent, q_latent, latent_heads, plain_key_dims, latent_value_dims, index_heads, index_dims)
SIZES = Latent(heads=4, nope=10, rope=4, v=12, kv=24)


def split(state: State) -> State:
    """kv_b as llama.cpp splits it: K transposed a head, V a head, under the hub's layer prefix."""
    after = dict(state)
    for i in range(LATENT["num_hidden_layers"]):
        both = after.pop(f"model.layers.{i}.self_attn.kv_b_proj.weight").reshape(4, 22, 24)
        after[f"blk.{i}.attn_k_b.weight"] = np.ascontiguousarray(both[:, :10].transpose(0, 2, 1))
        after[f"blk.{i}.attn_v_b.weight"] = np.ascontiguousarray(both[:, 10:])
    return after


def joined(state: State) -> State:
    """The other way round."""
    after = {name: w for name, w in state.items() if not name.startswith("blk.")}
    for i in range(LATENT["num_hidden_layers"]):
        k, v = state[f"blk.{i}.attn_k_b.weight"].transpose(0, 2, 1), state[f"blk.{i}.attn_v_b.weight"]
        after[f"model.layers.{i}.self_attn.kv_b_proj.weight"] = np.concatenate([k, v], axis=1).reshape(-1, 24)
    return after


def test_sizes_come_from_shapes_alone(tmp_path: Path) -> None:
    """
    Without any config the number of heads and all widths follow from the shapes, kv_b whole or split.
    """
    state = random_state(LATENT, 1)
    whole, apart = model_of(tmp_path / "a", state, None), model_of(tmp_path / "b", split(state), None)

    assert latent_sizes(whole, whole.layers[0]) == SIZES
    assert latent_sizes(apart, apart.layers[0]) == SIZES


@pytest.mark.parametrize("build", BUILDERS[:5], ids=lambda build: build.__name__)
def test_split_tensors_keep_the_function(tmp_path: Path, build: Builder) -> None:
    """
    Every MLA symmetry permutes llama.cpp's k_b and v_b so that the joined model is unchanged.
    """
    state = split(random_state(LATENT, 1))
    model = model_of(tmp_path, state, None)
    chosen = [block for i, layer in enumerate(model.layers) for block in build(model, i, layer)]
    tokens = np.arange(5, 17)

    after = permuted(state, chosen, np.random.default_rng(2))

    assert chosen
    assert np.abs(logits(joined(after), LATENT, tokens) - logits(joined(state), LATENT, tokens)).max() < 1e-9


def test_shapes_that_fit_no_heads_withhold_the_symmetries(tmp_path: Path) -> None:
    """
    Whole numbers or nothing: no symmetry of MLA is guessed; without either form of kv_b there are no sizes at all.
    """
    state = random_state(LATENT, 1)
    at = "model.layers.0.self_attn."
    odd = state | {at + "q_b_proj.weight": np.ones((57, 20), dtype=np.float32)}
    without = {name: w for name, w in state.items() if "kv_b_proj" not in name}
    unequal = state | {at + "indexer.wq_b.weight": np.ones((70, 20), dtype=np.float32)}

    for number, wrong in enumerate((odd, without)):
        model = model_of(tmp_path / str(number), wrong, None)
        assert latent_sizes(model, model.layers[0]) is None
        assert [b for build in BUILDERS[:5] for b in build(model, 0, model.layers[0])] == []
    model = model_of(tmp_path / "indexer", unequal, None)
    assert list(index_heads(model, 0, model.layers[0])) == []


def test_other_attention_has_no_latent(tmp_path: Path) -> None:
    """
    A Llama gives none of these blocks.
    """
    model = model_of(tmp_path, random_state(LLAMA, 1), LLAMA)

    assert [b for build in BUILDERS for b in build(model, 0, model.layers[0])] == []
