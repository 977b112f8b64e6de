"""Headers of GGUF files, forged ones included."""

import pickle
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.gguf_file import Value, number, read_gguf


def written(path: Path, **tensors: np.ndarray) -> Path:
    """A small GGUF with one value of every kind."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint8("a.u8", 200)
    writer.add_int64("a.i64", -5)
    writer.add_float32("a.f32", 0.5)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "Ġhé")
    writer.add_array("a.words", ["x", "yy"])
    writer.add_array("a.numbers", [3, 4])
    for name, value in tensors.items():
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def forged(path: Path, *parts: bytes, version: int = 3, tensors: int = 0, values: int = 0) -> Path:
    """A header by hand, with room behind it."""
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, tensors, values) + b"".join(parts) + b"\0" * 200)
    return path


def text(value: str) -> bytes:
    """A GGUF string."""
    return struct.pack("<Q", len(value)) + value.encode()


def tensor(name: str, *shape: int, kind: int = 0, offset: int = 0) -> bytes:
    """A tensor's entry."""
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def test_metadata_and_places_are_those_that_were_written(tmp_path: Path) -> None:
    """
    Values of every kind come back; shapes are turned to slowest axis first; a place holds its tensor's bytes.
    """
    w = np.arange(64, dtype=np.float32).reshape(2, 32)
    quantised = gguf.quantize(w, gguf.GGMLQuantizationType.Q8_0)
    path = written(tmp_path / "m.gguf", w=w)

    metadata, places = read_gguf(path)

    told = {key: metadata[key] for key in ("a.u8", "a.i64", "a.f32", "a.bool", "a.text", "a.words")}
    assert told == {
        "a.u8": 200, "a.i64": -5, "a.f32": 0.5, "a.bool": True, "a.text": "Ġhé".encode(), "a.words": [b"x", b"yy"],
    }  # fmt: skip
    assert np.array_equal(np.asarray(metadata["a.numbers"]), [3, 4])
    place = places["w"]
    assert place.shape == (2, 32)
    assert path.read_bytes()[place.offset : place.offset + place.n_bytes] == w.tobytes()
    assert quantised.shape == (2, 34)


@pytest.mark.parametrize(
    ("parts", "counts", "says"),
    [
        ([], {"version": 1}, "GGUF version 1 is not read"),
        ([], {"version": 3 << 24}, "not read .big-endian"),
        ([], {"tensors": 1 << 60}, "counts 1152921504606846976 entries"),
        ([], {"values": 1 << 60}, "more than the file has room for"),
        ([text("k"), struct.pack("<IIQ", 9, 0, 1 << 60)], {"values": 1}, "counts 1152921504606846976 entries"),
        ([text("k"), struct.pack("<IIQ", 9, 8, 1 << 60)], {"values": 1}, "counts 1152921504606846976 entries"),
        ([text("k"), struct.pack("<IQ", 8, 1 << 62)], {"values": 1}, "truncated: the header ends before its own end"),
        ([text("k"), struct.pack("<I", 99)], {"values": 1}, "metadata of unknown type 99"),
        ([text("k"), *[struct.pack("<IQ", 9, 1)] * 3, b"\x09\0\0\0"], {"values": 1}, "metadata of unknown type|counts"),
        ([tensor("w", 1 << 40)], {"tensors": 1}, r"truncated: tensor 'w' ends at byte"),
        ([tensor("w", 32, kind=77)], {"tensors": 1}, "type 77, unknown to the installed gguf package"),
        ([tensor("w", 31, kind=2)], {"tensors": 1}, "no whole blocks of Q4_0"),
        ([tensor("w")], {"tensors": 1}, "no whole blocks"),
        ([tensor("w", *[1] * 9)], {"tensors": 1}, "a tensor with 9 axes"),
        ([tensor("w", 1), tensor("w", 1)], {"tensors": 2}, "a tensor is named twice"),
        ([text("general.alignment"), struct.pack("<II", 4, 0)], {"values": 1}, "alignment is no sensible number"),
    ],
)
def test_a_forged_header_is_refused_at_once(tmp_path: Path, parts: list[bytes], counts: dict[str, int], says: str) -> None:
    """
    No count is trusted beyond the bytes that are left, so a forged one can neither loop nor fill memory.
    """
    with pytest.raises(LineageError, match=says):
        read_gguf(forged(tmp_path / "m.gguf", *parts, **counts))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """
    A file cut anywhere, inside the header or the weights, is told to be truncated.
    """
    whole = written(tmp_path / "m.gguf", w=np.ones((4, 32), dtype=np.float32)).read_bytes()

    for cut in (30, len(whole) // 2, len(whole) - 40):
        (tmp_path / "cut.gguf").write_bytes(whole[:cut])
        with pytest.raises(LineageError, match=r"truncated|more than the file has room for"):
            read_gguf(tmp_path / "cut.gguf")


def test_other_formats_are_refused(tmp_path: Path) -> None:
    """
    A pickle called .gguf is refused as a pickle, text as no GGUF.
    """
    (tmp_path / "p.gguf").write_bytes(pickle.dumps({"w": 1}))
    (tmp_path / "t.gguf").write_text("hello, world")

    with pytest.raises(LineageError, match="a Python pickle"):
        read_gguf(tmp_path / "p.gguf")
    with pytest.raises(LineageError, match="not a GGUF file"):
        read_gguf(tmp_path / "t.gguf")


def split(folder: Path, count: int = 2, told: int = 2) -> Path:
    """A model in two parts, one tensor each."""
    for i in range(count):
        writer = gguf.GGUFWriter(folder / f"m-{i + 1:05d}-of-{count:05d}.gguf", "llama")
        writer.add_uint16("split.count", count)
        writer.add_int32("split.tensors.count", told)
        writer.add_tensor(f"w{i}", np.full((1, 32), i, dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return folder / f"m-00001-of-{count:05d}.gguf"


def test_parts_are_read_as_one_model(tmp_path: Path) -> None:
    """
    Naming the first part is enough.
    """
    _, places = read_gguf(split(tmp_path))

    assert {name: place.path.name for name, place in places.items()} == {
        "w0": "m-00001-of-00002.gguf",
        "w1": "m-00002-of-00002.gguf",
    }


def test_missing_parts_and_tensors_are_named(tmp_path: Path) -> None:
    """
    A part that was not downloaded, a part under another name and a tensor in no part are told apart.
    """
    first = split(tmp_path, told=3)
    with pytest.raises(LineageError, match="1 of 3 tensors are missing from the parts"):
        read_gguf(first)

    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(LineageError, match=r"m-00002-of-00002.gguf: this part of the model is missing"):
        read_gguf(first)

    with pytest.raises(LineageError, match="is one of 2 parts but not named like"):
        read_gguf(first.rename(tmp_path / "renamed.gguf"))


def test_a_tensor_in_two_parts_is_refused(tmp_path: Path) -> None:
    """
    Which of the two is meant cannot be guessed.
    """
    first = split(tmp_path)
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(first.read_bytes())

    with pytest.raises(LineageError, match=r"tensor 'w0' is also in m-00001-of-00002.gguf"):
        read_gguf(first)


def test_a_number_is_the_first_of_an_array() -> None:
    """
    Head counts given a layer are read from the first layer; text is no number.
    """
    metadata: dict[str, Value] = {"a": np.array([7, 8]), "b": 3, "c": b"x", "d": float("nan")}

    assert [number(metadata, key) for key in "abcde"] == [7, 3, None, None, None]
