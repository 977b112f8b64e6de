"""Features of units, read no further than used."""

from pathlib import Path

import numpy as np
import pytest
from tests.checkpoints import LATENT, LLAMA, MIXTURE, Config, model_of, random_state, write_gguf

from stillwatch.lineage.blocks import Block, Move
from stillwatch.lineage.features import chosen, pairs, read, similarity
from stillwatch.lineage.names import read_names
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import open_weights

BLOCK = Block("neurons", 0, "", (Move("gate", ("w",), "rows", np.arange(9)[:, None]),))


def test_a_choice_is_the_same_for_every_model_and_differs_by_place() -> None:
    """
    Seed, block and purpose fix it; small sets are taken whole.
    """
    other = Block("neurons", 1, "", BLOCK.moves)

    some = chosen(1, BLOCK, 1_000, 10, "units")

    assert np.array_equal(some, chosen(1, BLOCK, 1_000, 10, "units"))
    assert len(set(some.tolist())) == 10
    assert not np.array_equal(some, chosen(1, other, 1_000, 10, "units"))
    assert not np.array_equal(some, chosen(2, BLOCK, 1_000, 10, "units"))
    assert not np.array_equal(some, chosen(1, BLOCK, 1_000, 10, "rows"))
    assert chosen(1, BLOCK, 4, 10, "units").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("config", [LLAMA, MIXTURE, LATENT], ids=["llama", "mixture", "latent"])
def test_every_block_of_a_copy_is_most_like_itself(tmp_path: Path, config: Config) -> None:
    """
    Features of any symmetry find each unit of an equal model in its own place.
    """
    state = random_state(config, 1)
    a, b = (model_of(tmp_path / name, state, config) for name in "ab")
    told = [block for block in blocks(a) if block.layer is not None]

    found = list(pairs(a.weights, told, b.weights, list(blocks(b)), 32, 1))

    assert len(found) == len(told)
    for pair in found:
        assert np.array_equal(pair.similarity.argmax(axis=1), np.arange(len(pair.similarity))), (pair.kind, pair.label)


def test_columns_are_read_over_some_rows_alone(tmp_path: Path) -> None:
    """
    Units that are columns have as many features as rows were chosen; `within` limits the rows, `rows` names them.
    """
    tall: dict[str, np.ndarray] = {"w": np.arange(4_000, dtype=np.float32).reshape(1_000, 4)}
    weights = model_of(tmp_path, random_state(LLAMA, 1) | tall, LLAMA).weights
    at = np.arange(4)[:, None]
    move = Move("down", ("w",), "columns", at)
    inside = Move("down", ("w",), "columns", at, within=(10, 12))

    assert read(weights, BLOCK, move, np.array([1, 3]), 1).shape == (2, 256)
    assert read(weights, BLOCK, inside, np.array([1, 3]), 1).tolist() == [[41.0, 45.0], [43.0, 47.0]]
    assert read(weights, BLOCK, move, np.array([0]), 1, rows=np.array([2, 0])).tolist() == [[8.0, 0.0]]


def test_columns_of_two_quantised_tensors_are_left_out(tmp_path: Path) -> None:
    """
    Neighbouring columns share scales, so only rows are compared there; against an unquantised model columns count, too.
    """
    config = LLAMA | {"hidden_size": 32, "intermediate_size": 64}
    state = random_state(config, 1)
    q4 = read_names(open_weights(write_gguf(tmp_path / "q.gguf", state, config, "Q4_0")))
    plain = read_names(open_weights(write_gguf(tmp_path / "f.gguf", state, config, "F32")))
    units = np.arange(64)

    both, one = (next(b for b in blocks(model) if b.kind == "neurons") for model in (q4, plain))
    quantised = similarity((q4.weights, both), (q4.weights, both), units, 1)
    mixed = similarity((plain.weights, one), (q4.weights, both), units, 1)

    assert quantised is not None
    assert mixed is not None
    assert np.diag(quantised).mean() == pytest.approx(2.0, abs=1e-3)  # gate and up
    assert np.diag(mixed).mean() == pytest.approx(3.0, abs=0.1)


def test_blocks_of_other_sizes_are_left_out(tmp_path: Path) -> None:
    """
    Nothing is compared where units or features do not correspond.
    """
    narrow = LLAMA | {"intermediate_size": 32}
    a = model_of(tmp_path / "a", random_state(LLAMA, 1), LLAMA)
    b = model_of(tmp_path / "b", random_state(narrow, 1), narrow)
    wide = LLAMA | {"hidden_size": 32}
    c = model_of(tmp_path / "c", random_state(wide, 1), wide)
    ours = [block for block in blocks(a) if block.kind == "neurons"]

    assert list(pairs(a.weights, ours, b.weights, list(blocks(b)), 32, 1)) == []
    assert list(pairs(a.weights, ours, c.weights, list(blocks(c)), 32, 1)) == []
