"""Weights on disk as an operand."""

import hashlib
import json
import pickle
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.checkpoints import LLAMA, random_state, write_folder, write_gguf

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Offer, Operand
from stillwatch.lineage.weights import open_weights


def test_rows_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    """
    Any rows of any tensor, as often as wanted; three axes are seen as a matrix of the last.
    """
    state: dict[str, np.ndarray] = {"w": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "v": np.ones(5, dtype=np.float16)}
    weights = open_weights(write_folder(tmp_path, state))

    assert weights.shape("w") == (6, 4)
    assert np.array_equal(weights.rows("w", [5, 0, 5]), state["w"].reshape(6, 4)[[5, 0, 5]])
    assert np.array_equal(weights.whole("w"), state["w"])
    assert weights.rows("v").tolist() == [[1.0] * 5]
    assert weights.n_parameters == 29


def test_rows_of_a_large_tensor_are_asked_for_ahead(tmp_path: Path) -> None:
    """
    Scattered, neighbouring, repeated and all rows of a tensor of megabytes are the right ones; no rows are none.
    """
    w = np.random.default_rng(1).normal(size=(3_000, 128)).astype(np.float32)
    weights = open_weights(write_folder(tmp_path, {"w": w}))

    for at in ([2_999, 0, 1_500], [4, 5, 6, 9], [7, 7], []):
        assert np.array_equal(weights.rows("w", at), w[at])
    assert np.array_equal(weights.rows("w"), w)


def test_a_checkpoint_is_an_operand(tmp_path: Path) -> None:
    """
    It is named as the person typed it, offers weights, a vocabulary where it brings one, and digests of its files.
    """
    folder = write_folder(tmp_path, random_state(LLAMA, 1), LLAMA)
    plain = open_weights(folder, "mine")
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0}}}))

    weights: Operand = open_weights(folder)

    assert plain.name == "mine"
    assert weights.name == str(folder)
    assert plain.offers == {Offer.WEIGHTS}
    assert weights.offers == {Offer.WEIGHTS, Offer.VOCABULARY}
    assert weights.digests() == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("model.safetensors", "config.json", "tokenizer.json")
    }
    assert plain.named("other").digests() == plain.digests()


def test_eight_bit_weights_are_scaled_by_their_blocks(tmp_path: Path) -> None:
    """
    DeepSeek's FP8 matrices come with a scale for each block of 128 by 128, the last blocks smaller.
    """
    stored = np.full((200, 300), 0x38, dtype=np.uint8)  # 1.0 in E4M3
    scales = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    header = {
        "w": {"dtype": "F8_E4M3", "shape": [200, 300], "data_offsets": [0, 60_000]},
        "w_scale_inv": {"dtype": "F32", "shape": [2, 3], "data_offsets": [60_000, 60_024]},
    }
    raw = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + stored.tobytes() + scales.tobytes())

    rows = open_weights(path).rows("w", [0, 127, 128, 199])

    assert rows[:, [0, 127, 128, 256, 299]].tolist() == [[1, 1, 2, 3, 3]] * 2 + [[4, 4, 5, 6, 6]] * 2


@pytest.mark.parametrize("kind", ["F32", "Q4_0", "Q8_0", "BF16"])
def test_gguf_and_safetensors_hold_the_same_model(tmp_path: Path, kind: str) -> None:
    """
    A GGUF gives the weights that were quantised into it, and tells its sizes and tokens.
    """
    config = LLAMA | {"hidden_size": 32, "num_attention_heads": 4}
    state = random_state(config, 1)

    weights = open_weights(write_gguf(tmp_path / "m.gguf", state, config, kind, tokens=["a", "Ġb"]))

    gate = state["model.layers.0.mlp.gate_proj.weight"]
    code = gguf.GGMLQuantizationType[kind]
    assert np.array_equal(weights.whole("blk.0.ffn_gate.weight"), gguf.dequantize(gguf.quantize(gate, code), code))
    assert weights.hints == {"head_dim": 8, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}
    assert weights.vocabulary == (b"a", b" b")


def test_config_tells_sizes_and_is_never_needed(tmp_path: Path) -> None:
    """
    Only whole numbers that we ask for are taken; the text part of a multimodal config counts.
    """
    state = random_state(LLAMA, 1)
    bare = open_weights(write_folder(tmp_path / "bare", state))
    told = open_weights(
        write_folder(tmp_path / "told", state, {"hidden_size": 24, "num_attention_heads": 4, "x": 3, "head_dim": None})
    )
    inner = open_weights(write_folder(tmp_path / "inner", state, {"text_config": {"hidden_size": 24, "n_group": 8}}))

    assert bare.hints == {}
    assert told.hints == {"n_group": 1, "hidden_size": 24, "num_attention_heads": 4}
    assert inner.hints == {"n_group": 8, "hidden_size": 24}


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    """
    Nothing there, a pickle, an empty checkpoint and a broken config each have their own words.
    """
    (tmp_path / "model.pt").write_bytes(pickle.dumps({"w": 1}))
    save_file({}, tmp_path / "empty.safetensors")
    broken = write_folder(tmp_path / "broken", random_state(LLAMA, 1))
    (broken / "config.json").write_text("{")

    for path, says in (
        (tmp_path / "absent", "no such file or folder"),
        (tmp_path / "model.pt", "a Python pickle"),
        (tmp_path / "empty.safetensors", "holds no tensors"),
        (broken, r"config.json: not JSON"),
    ):
        with pytest.raises(LineageError, match=says):
            open_weights(path)


def test_a_tensor_that_is_not_there_is_named(tmp_path: Path) -> None:
    """
    An incomplete checkpoint says which tensor is missing.
    """
    weights = open_weights(write_folder(tmp_path, {"w": np.ones((2, 2), dtype=np.float32)}))

    with pytest.raises(LineageError, match="tensor 'v' is missing"):
        weights.rows("v")


def test_nan_weights_name_their_tensor(tmp_path: Path) -> None:
    """
    A NaN anywhere in the rows read is an error, not a statistic.
    """
    weights = open_weights(write_folder(tmp_path, {"w": np.array([[1.0, np.nan], [1.0, 1.0]], dtype=np.float32)}))

    assert weights.rows("w", [1]).tolist() == [[1.0, 1.0]]
    with pytest.raises(LineageError, match="w: holds NaN"):
        weights.rows("w")


def test_a_file_that_shrinks_under_the_reader_is_named(tmp_path: Path) -> None:
    """
    A checkpoint replaced between its header and its weights is an error that says so.
    """
    weights = open_weights(write_folder(tmp_path, {"w": np.ones((50, 50), dtype=np.float32)}))
    write_folder(tmp_path, {"w": np.ones((2, 2), dtype=np.float32)})

    with pytest.raises(LineageError, match="changed while it was read"):
        weights.rows("w")
