"""Attention symmetries: when the width of a head is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.checkpoints import LLAMA, State, model_of, random_state

from stillwatch.lineage.symmetry_attention import head_width, kv_heads, query_heads, value_dims

Q_NORM = "model.layers.0.self_attn.q_norm.weight"


@pytest.mark.parametrize(
    ("config", "q_norm", "width"),
    [
        ({"head_dim": 8, "hidden_size": 24}, None, 8),
        ({"hidden_size": 24, "num_attention_heads": 3}, None, 8),
        ({"hidden_size": 24, "num_attention_heads": 4}, None, None),  # 6 does not divide the 32 rows of q
        ({"head_dim": 5}, None, None),
        ({"head_dim": 32}, None, None),  # then k would have half a head
        ({"num_attention_heads": 4}, None, None),
        (None, None, None),
        (None, 8, 8),
        ({"head_dim": 8}, 8, 8),
        ({"head_dim": 16}, 8, None),  # config and tensors disagree
        ({"head_dim": 8}, 1024, None),  # a norm over all heads
    ],
)
def test_a_head_width_is_taken_only_if_everything_agrees(
    tmp_path: Path, config: dict[str, Any] | None, q_norm: int | None, width: int | None
) -> None:
    """
    A q_norm shows it, a config proposes it, and it must divide what it has to divide; else the symmetries are withheld.
    """
    more: State = {} if q_norm is None else {Q_NORM: np.ones(q_norm, dtype=np.float32)}
    model = model_of(tmp_path, random_state(LLAMA, 1) | more, config)

    assert head_width(model, model.layers[0]) == width
    assert bool(list(value_dims(model, 0, model.layers[0]))) == (width is not None)


def test_biases_move_with_their_units(tmp_path: Path) -> None:
    """
    Qwen 2's biases of q, k and v are in the moves of heads and value dimensions.
    """
    biases: State = {
        f"model.layers.0.self_attn.{p}_proj.bias": np.ones(n, dtype=np.float32) for p, n in (("q", 32), ("k", 16), ("v", 16))
    }
    model = model_of(tmp_path, random_state(LLAMA, 1) | biases, LLAMA)

    roles = {
        build.__name__: {m.role for b in build(model, 0, model.layers[0]) for m in b.moves if "bias" in m.role}
        for build in (value_dims, kv_heads, query_heads)
    }

    assert roles == {"value_dims": {"v bias"}, "kv_heads": {"q bias", "k bias", "v bias"}, "query_heads": {"q bias"}}


def test_single_heads_are_no_units(tmp_path: Path) -> None:
    """
    One KV head has nothing to change places with; one query head a KV head neither.
    """
    single = LLAMA | {"num_key_value_heads": 1}
    even = LLAMA | {"num_key_value_heads": 4}
    one, all_heads = (model_of(tmp_path / str(i), random_state(c, 1), c) for i, c in enumerate((single, even)))

    assert list(kv_heads(one, 0, one.layers[0])) == []
    assert list(query_heads(all_heads, 0, all_heads.layers[0])) == []
    assert len(list(query_heads(one, 0, one.layers[0]))) == 1
