"""
Safetensors: where each tensor lies, read from headers alone; a folder may hold one file, or shards with an index.

Why not the safetensors package: it hands out whole tensors, and numpy through it knows no bfloat16. A header is JSON, and we
check every offset in it before a byte of weights is touched.
"""

import math
from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import LineageError
from stillwatch.lineage.decode import SAFETENSORS_CODES
from stillwatch.lineage.place import Place, read_start, refuse_pickle

_MAX_HEADER = 100_000_000  # the format's own limit
_INDEX = "model.safetensors.index.json"


def places_in_folder(folder: Path) -> dict[str, Place]:
    """
    Every tensor of a checkpoint folder.

    Raises:
        LineageError: no safetensors there, a shard or a tensor of the index is missing, or a file is damaged.
    """
    index = folder / _INDEX
    if index.is_file():
        return _indexed(folder, index)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        for other in sorted(p for p in folder.iterdir() if p.is_file()):
            refuse_pickle(other)
        raise LineageError(f"{folder}: holds no *.safetensors file. Name a safetensors folder or a .gguf file")
    places: dict[str, Place] = {}
    for path in files:
        for name, place in places_in_file(path).items():
            if name in places:
                raise LineageError(
                    f"{folder}: tensor '{name}' is in {places[name].path.name} and in {path.name}. Remove one of the files"
                )
            places[name] = place
    return places


def _indexed(folder: Path, index: Path) -> dict[str, Place]:
    try:
        weight_map = orjson.loads(index.read_bytes())["weight_map"]
        wanted = {str(name): str(shard) for name, shard in weight_map.items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise LineageError(f"{index}: not an index of shards: it needs a 'weight_map' from tensor to file") from error
    held: dict[str, Place] = {}
    for shard in sorted(set(wanted.values())):
        if Path(shard).name != shard:
            raise LineageError(f"{index}: names a shard outside its folder. Shards must lie beside the index")
        if not (folder / shard).is_file():
            raise LineageError(
                f"{folder}: shard {shard} is missing. Download it, or remove the index if the folder is complete without it"
            )
        held |= places_in_file(folder / shard)
    lost = sorted(set(wanted) - set(held))
    if lost:
        raise LineageError(
            f"{folder}: {len(lost)} tensors of the index are in no shard, '{lost[0]}' first. Download the shards again"
        )
    return held


def places_in_file(path: Path) -> dict[str, Place]:
    """
    Every tensor of one safetensors file, from its header.

    Raises:
        LineageError: a pickle or another format, a truncated file, or a header that contradicts itself.
    """
    refuse_pickle(path)
    size = path.stat().st_size
    length = int.from_bytes(read_start(path, 8), "little")
    if size < 10 or length > _MAX_HEADER:
        raise LineageError(f"{path}: not a safetensors file (its first 8 bytes are no header length)")
    if 8 + length > size:
        raise LineageError(
            f"{path}: truncated: the header alone needs {8 + length} bytes, the file has {size}. Download it again"
        )
    try:
        tree = orjson.loads(read_start(path, 8 + length)[8:])
    except orjson.JSONDecodeError as error:
        raise LineageError(f"{path}: not a safetensors file: its header is not JSON") from error
    if not isinstance(tree, dict):
        raise LineageError(f"{path}: not a safetensors file: its header is no table of tensors")
    places = {name: _place(path, 8 + length, size, name, told) for name, told in tree.items() if name != "__metadata__"}
    _no_overlap(path, places)
    return places


def _place(path: Path, start: int, size: int, name: str, told: object) -> Place:
    try:
        dtype, shape, (begin, end) = _told(told)
    except (KeyError, TypeError, ValueError) as error:
        raise LineageError(f"{path}: tensor '{name}' needs dtype, shape and data_offsets in the header") from error
    code = SAFETENSORS_CODES.get(dtype)
    if code is None:
        raise LineageError(
            f"{path}: tensor '{name}' has dtype {dtype[:20]}, which Stillwatch does not read. Convert it to BF16 or F32"
        )
    if min(shape, default=0) < 0 or begin < 0 or end - begin != math.prod(shape) * code.n_bytes:
        raise LineageError(f"{path}: tensor '{name}' has offsets that do not fit its shape and dtype. The header is damaged")
    if start + end > size:
        raise LineageError(
            f"{path}: truncated: tensor '{name}' ends at byte {start + end}, the file has {size}. Download it again"
        )
    return Place(path, start + begin, shape, code)


def _told(told: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    begin, end = told["data_offsets"]
    return str(told["dtype"]), tuple(int(n) for n in told["shape"]), (int(begin), int(end))


def _no_overlap(path: Path, places: dict[str, Place]) -> None:
    last = 0
    for name, place in sorted(places.items(), key=lambda pair: (pair[1].offset, pair[1].n_bytes)):
        if place.offset < last:
            raise LineageError(f"{path}: tensor '{name}' overlaps another. The header is damaged or forged")
        last = place.offset + place.n_bytes
