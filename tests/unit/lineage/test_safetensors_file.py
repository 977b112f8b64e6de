"""Headers of safetensors files and folders."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillwatch.errors import LineageError
from stillwatch.lineage.safetensors_file import places_in_file, places_in_folder


def forged(path: Path, header: Any, data: bytes = b"\0" * 64) -> Path:
    """A file with this header."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + data)
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    """A tensor of a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_places_are_those_of_the_file(tmp_path: Path) -> None:
    """
    What lies at each place is the tensor that the safetensors package wrote.
    """
    state: dict[str, np.ndarray] = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(4, dtype=np.float16)}
    save_file(state, tmp_path / "m.safetensors", metadata={"format": "pt"})

    places = places_in_file(tmp_path / "m.safetensors")

    raw = (tmp_path / "m.safetensors").read_bytes()
    assert set(places) == {"a", "b"}
    for name, place in places.items():
        assert raw[place.offset : place.offset + place.n_bytes] == state[name].tobytes()
        assert place.shape == state[name].shape


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"w": entry([4], 0, 12)}, "offsets that do not fit its shape"),
        ({"w": entry([-4], 0, 16)}, "offsets that do not fit its shape"),
        ({"w": entry([4], -16, 0)}, "offsets that do not fit its shape"),
        ({"w": entry([400], 0, 1600)}, r"truncated: tensor 'w' ends at byte \d+, the file has \d+"),
        ({"w": entry([4], 0, 16, "Q9")}, "dtype Q9, which Stillwatch does not read"),
        ({"w": {"dtype": "F32"}}, "needs dtype, shape and data_offsets"),
        ({"w": 5}, "needs dtype, shape and data_offsets"),
        ({"w": entry([4], 0, 16), "v": entry([4], 8, 24)}, "tensor 'v' overlaps another"),
        ([1], "its header is no table of tensors"),
        (b"not json", "its header is not JSON"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path: Path, header: Any, says: str) -> None:
    """
    Every offset is held against the file before a byte of weights is read.
    """
    with pytest.raises(LineageError, match=says):
        places_in_file(forged(tmp_path / "m.safetensors", header))


def test_a_truncated_file_is_told_from_another_format(tmp_path: Path) -> None:
    """
    A header cut off is a truncated file; an absurd length is no safetensors file.
    """
    (tmp_path / "cut").write_bytes((1_000).to_bytes(8, "little") + b'{"w": {')
    (tmp_path / "other").write_bytes(b"#!/bin/sh\necho hello\n")
    (tmp_path / "short").write_bytes(b"\1")

    with pytest.raises(LineageError, match="truncated: the header alone needs 1008 bytes"):
        places_in_file(tmp_path / "cut")
    for name in ("other", "short"):
        with pytest.raises(LineageError, match="not a safetensors file"):
            places_in_file(tmp_path / name)


def test_a_truncated_shard_is_refused(tmp_path: Path) -> None:
    """
    A download that broke off is found from the header alone.
    """
    save_file({"w": np.zeros((100, 100), dtype=np.float32)}, tmp_path / "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-1])

    with pytest.raises(LineageError, match=r"truncated: tensor 'w'.*Download it again"):
        places_in_folder(tmp_path)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder of two shards with an index."""
    save_file({"a": np.zeros(2, dtype=np.float32)}, tmp_path / "m-1.safetensors")
    save_file({"b": np.zeros(3, dtype=np.float32)}, tmp_path / "m-2.safetensors")
    index = {"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def test_shards_are_joined_by_their_index(shards: Path) -> None:
    """
    Each tensor is found in its shard; without an index all files of the folder are joined.
    """
    by_index = places_in_folder(shards)
    (shards / "model.safetensors.index.json").unlink()

    assert {name: place.path.name for name, place in by_index.items()} == {"a": "m-1.safetensors", "b": "m-2.safetensors"}
    assert places_in_folder(shards) == by_index


def test_what_the_index_names_must_be_there(shards: Path) -> None:
    """
    A missing shard, a missing tensor, a shard elsewhere and a broken index each have their own words.
    """
    index = shards / "model.safetensors.index.json"

    for told, says in (
        ({"weight_map": {"a": "m-3.safetensors"}}, "shard m-3.safetensors is missing"),
        ({"weight_map": {"a": "m-1.safetensors", "z": "m-1.safetensors"}}, "1 tensors of the index are in no shard, 'z' first"),
        ({"weight_map": {"a": "../m-1.safetensors"}}, "names a shard outside its folder"),
        ({"metadata": {}}, "not an index of shards"),
        ([], "not an index of shards"),
    ):
        index.write_text(json.dumps(told))
        with pytest.raises(LineageError, match=says):
            places_in_folder(shards)


def test_a_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    """
    Which of the two is the model cannot be guessed.
    """
    for name in ("a", "b"):
        save_file({"w": np.zeros(2, dtype=np.float32)}, tmp_path / f"{name}.safetensors")

    with pytest.raises(LineageError, match=r"tensor 'w' is in a.safetensors and in b.safetensors"):
        places_in_folder(tmp_path)


def test_a_folder_with_pickles_alone_says_what_to_do(tmp_path: Path) -> None:
    """
    A folder that holds torch's own files is refused with the remedy, an empty one with what is looked for.
    """
    with pytest.raises(LineageError, match=r"holds no \*.safetensors file"):
        places_in_folder(tmp_path)

    (tmp_path / "pytorch_model.bin").write_bytes(b"PK\x03\x04rest of an archive")
    with pytest.raises(LineageError, match=r"a zip archive.*Convert the checkpoint to safetensors"):
        places_in_folder(tmp_path)
