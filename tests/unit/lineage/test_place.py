"""Where a tensor lies, and the files we refuse."""

import gzip
import lzma
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from stillwatch.errors import LineageError
from stillwatch.lineage.decode import GGUF_CODES, SAFETENSORS_CODES
from stillwatch.lineage.place import Place, read_start, refuse_pickle


class Trap:
    """Would leave a file behind if anybody unpickled it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_whatever_its_name_and_never_run(tmp_path: Path, protocol: int) -> None:
    """
    A pickle called model.safetensors is refused by its content; no code in it runs.
    """
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "ran"), protocol))

    with pytest.raises(LineageError, match=r"a Python pickle.*Convert the checkpoint to safetensors"):
        refuse_pickle(path)

    assert not (tmp_path / "ran").exists()


def test_archives_are_refused_unopened(tmp_path: Path) -> None:
    """
    A zip bomb, as any archive, is refused by its first bytes.
    """
    bomb = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    packed = {"gzip": gzip.compress(b"x"), "xz": lzma.compress(b"x")}

    for name, content in packed.items():
        (tmp_path / name).write_bytes(content)

    for name, kind in (("pytorch_model.bin", "a zip archive"), ("gzip", "a gzip archive"), ("xz", "an xz archive")):
        with pytest.raises(LineageError, match=kind):
            refuse_pickle(tmp_path / name)


@pytest.mark.parametrize("values", [40, 57, 58, 59, 314])
def test_a_safetensors_file_is_never_taken_for_a_pickle(tmp_path: Path, values: int) -> None:
    """
    A header whose length begins like a pickle is still a header.
    """
    path = tmp_path / "model"
    for length in (0x0280, 0x0380, 0x0480, 0x010280):
        header = b"{" + b" " * (length - 2) + b"}"
        path.write_bytes(length.to_bytes(8, "little") + header)
        refuse_pickle(path)

    path.write_bytes(save({"w": np.zeros(values, dtype=np.float32)}))
    refuse_pickle(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """
    The message has the path and the system's reason.
    """
    with pytest.raises(LineageError, match=r"absent: cannot be read \(No such file or directory\)"):
        read_start(tmp_path / "absent", 8)


def test_a_tensor_is_a_matrix_of_its_last_axis(tmp_path: Path) -> None:
    """
    All axes but the last are rows, a vector is one row, and quantised rows are whole blocks.
    """
    deep = Place(tmp_path, 0, (2, 3, 64), GGUF_CODES[2])
    vector = Place(tmp_path, 0, (5,), SAFETENSORS_CODES["BF16"])
    scalar = Place(tmp_path, 0, (), SAFETENSORS_CODES["F32"])

    assert (deep.rows_and_columns, deep.row_bytes, deep.n_bytes) == ((6, 64), 36, 216)
    assert (vector.rows_and_columns, vector.n_bytes) == ((1, 5), 10)
    assert (scalar.rows_and_columns, scalar.n_bytes) == ((1, 1), 4)
