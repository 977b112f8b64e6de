"""
GGUF: metadata and where each tensor lies, from the header alone; a model may be split over files.

Why not `gguf.GGUFReader`: it trusts the counts in the header, and one forged length makes it loop for ever. Here every count is
held against the bytes that are left, and vocabularies come out as bytes in one pass.

References:
    The GGUF specification (ggml, docs/gguf.md), versions 2 and 3.
"""

import math
import mmap
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import LineageError
from stillwatch.lineage.decode import GGUF_CODES
from stillwatch.lineage.place import Place, read_start, refuse_pickle

MAGIC = b"GGUF"
Value = int | float | bool | bytes | list["Value"] | NDArray[Any]
"""One metadata value; numbers of an array come as a numpy array, strings as bytes."""

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_DEEPEST_ARRAY = 4
_MOST_AXES = 8


def read_gguf(path: Path) -> tuple[dict[str, Value], dict[str, Place]]:
    """
    Metadata and tensors of a `.gguf` file and of the files it is split over.

    Raises:
        LineageError: another format, big-endian or version 1, truncated, or a header that contradicts itself.
    """
    metadata, places = _one_file(path)
    count = metadata.get("split.count", 1)
    if isinstance(count, int) and count > 1:
        for part in _parts(path, count):
            for name, place in _one_file(part)[1].items():
                if name in places and places[name].path != place.path:
                    raise LineageError(f"{part}: tensor '{name}' is also in {places[name].path.name}")
                places[name] = place
    total = metadata.get("split.tensors.count", len(places))
    if isinstance(total, int) and len(places) < total:
        raise LineageError(f"{path}: {total - len(places)} of {total} tensors are missing from the parts. Download them again")
    return metadata, places


def _parts(path: Path, count: int) -> list[Path]:
    stem = re.fullmatch(r"(.*)-\d{5}-of-\d{5}\.gguf", path.name)
    if stem is None or count > 99_999:
        raise LineageError(f"{path}: is one of {count} parts but not named like <name>-00001-of-{min(count, 99_999):05d}.gguf")
    parts = [path.with_name(f"{stem[1]}-{i:05d}-of-{count:05d}.gguf") for i in range(1, count + 1)]
    for part in parts:
        if not part.is_file():
            raise LineageError(f"{part}: this part of the model is missing. Download it")
    return parts


def _one_file(path: Path) -> tuple[dict[str, Value], dict[str, Place]]:
    refuse_pickle(path)
    if read_start(path, 4) != MAGIC:
        raise LineageError(f"{path}: not a GGUF file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return _Header(path, held).read()


class _Header:
    """A cursor over one header that never trusts a count."""

    def __init__(self, path: Path, held: mmap.mmap) -> None:
        self.path, self.held, self.size, self.at = path, held, len(held), 4

    def read(self) -> tuple[dict[str, Value], dict[str, Place]]:
        version = self._scalar("<I")
        if version not in (2, 3):
            raise LineageError(
                f"{self.path}: GGUF version {version} is not read (big-endian, or version 1). Convert it with llama.cpp"
            )
        n_tensors, n_values = self._count(24), self._count(13)
        metadata = {self._string().decode("utf-8", "replace"): self._value(self._scalar("<I"), 0) for _ in range(n_values)}
        told = [self._tensor() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
            raise LineageError(f"{self.path}: general.alignment is no sensible number")
        start = -(-self.at // alignment) * alignment
        places = {name: self._place(name, start + offset, shape, kind) for name, shape, kind, offset in told}
        if len(places) != n_tensors:
            raise LineageError(f"{self.path}: a tensor is named twice")
        return metadata, places

    def _place(self, name: str, offset: int, shape: tuple[int, ...], kind: int) -> Place:
        code = GGUF_CODES.get(kind)
        if code is None:
            raise LineageError(f"{self.path}: tensor '{name}' has type {kind}, unknown to the installed gguf package. Upgrade it")
        if not shape or shape[-1] % code.values:
            raise LineageError(
                f"{self.path}: tensor '{name}' has rows that are no whole blocks of {code.name}. The header is damaged"
            )
        place = Place(self.path, offset, shape, code)
        if offset + place.n_bytes > self.size:
            end = offset + place.n_bytes
            raise LineageError(
                f"{self.path}: truncated: tensor '{name}' ends at byte {end}, the file has {self.size}. Download it again"
            )
        return place

    def _tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name, axes = self._string().decode("utf-8", "replace"), self._scalar("<I")
        if axes > _MOST_AXES:
            raise LineageError(f"{self.path}: a tensor with {axes} axes: the header is damaged")
        shape = tuple(self._scalar("<Q") for _ in range(axes))
        kind, offset = self._scalar("<I"), self._scalar("<Q")
        return name, shape[::-1], kind, offset

    def _value(self, kind: int, depth: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY and depth < _DEEPEST_ARRAY:
            inner = self._scalar("<I")
            if inner in _SCALARS:
                return self._numbers(_SCALARS[inner])
            return [self._value(inner, depth + 1) for _ in range(self._count(8))]
        if kind not in _SCALARS:
            raise LineageError(f"{self.path}: metadata of unknown type {kind}: the header is damaged")
        return self._scalar(_SCALARS[kind])

    def _numbers(self, layout: str) -> NDArray[Any]:
        width = struct.calcsize(layout)
        count = self._count(width)
        raw = self._bytes(count * width)
        return np.frombuffer(raw, dtype=np.dtype("bool" if layout == "<?" else layout))

    def _scalar(self, layout: str) -> int:
        # a float or bool too, by layout; the callers that need an int ask for integer layouts
        return struct.unpack(layout, self._bytes(struct.calcsize(layout)))[0]

    def _string(self) -> bytes:
        return self._bytes(self._scalar("<Q"))

    def _count(self, least_bytes: int) -> int:
        """A number of things that each take at least so many bytes."""
        count = self._scalar("<Q")
        if count * least_bytes > self.size - self.at:
            raise LineageError(
                f"{self.path}: the header counts {count} entries, more than the file has room for. It is truncated or forged"
            )
        return count

    def _bytes(self, n: int) -> bytes:
        if n > self.size - self.at:
            raise LineageError(f"{self.path}: truncated: the header ends before its own end. Download it again")
        self.at += n
        return self.held[self.at - n : self.at]


def number(metadata: Mapping[str, Value], key: str) -> int | None:
    """A whole number of the metadata; the first, where it is given a layer."""
    value = metadata.get(key)
    if isinstance(value, np.ndarray) and value.size:
        value = value.flat[0].item()
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None
