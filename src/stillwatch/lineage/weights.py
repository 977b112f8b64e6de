"""
Weights on disk as an operand: a safetensors folder or file, or a `.gguf` file.

Only headers are read on opening. Rows are decoded when asked for, a few at a time, from a memory map whose pages are given back,
so that a model larger than memory costs no more than the rows looked at.
"""

import hashlib
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Offer
from stillwatch.lineage.decode import Float32, decode
from stillwatch.lineage.gguf_file import MAGIC, Value, number, read_gguf
from stillwatch.lineage.place import Place, read_start, refuse_pickle
from stillwatch.lineage.safetensors_file import places_in_file, places_in_folder
from stillwatch.lineage.vocabulary import Vocabulary, from_gguf, from_tokenizer_json

_WORTH_ASKING = 1 << 20  # bytes of a tensor: smaller ones are read whole by one or two faults
_SCALE = "_scale_inv"  # DeepSeek's FP8 checkpoints: one float32 per block of a matrix


class Weights:
    """
    One model's tensors on disk.

    Args:
        name: As the person typed it.
        places: Where each tensor lies.
        vocabulary: Bytes of every token id, None where the checkpoint brings none.
        hints: Whole numbers the checkpoint tells about itself, by the names of `config.json`; never trusted against shapes.
        beside: Files from which vocabulary and hints were read.
    """

    def __init__(
        self,
        name: str,
        places: Mapping[str, Place],
        vocabulary: Vocabulary | None,
        hints: Mapping[str, int],
        beside: Sequence[Path] = (),
    ) -> None:
        self._name, self.places, self.vocabulary, self.hints, self.beside = name, places, vocabulary, hints, tuple(beside)
        self._maps: dict[Path, mmap.mmap] = {}

    @property
    def name(self) -> str:
        """As the person typed it."""
        return self._name

    @property
    def offers(self) -> frozenset[Offer]:
        """Weights, and a vocabulary where there is one."""
        return frozenset({Offer.WEIGHTS} | ({Offer.VOCABULARY} if self.vocabulary is not None else set()))

    @property
    def n_parameters(self) -> int:
        """Stored numbers that are weights."""
        return sum(
            place.rows_and_columns[0] * place.rows_and_columns[1] for place in self.places.values() if place.code.holds_weights
        )

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file that was read, those that hold tensors and those beside them; reads them whole."""
        files = sorted({place.path for place in self.places.values()} | set(self.beside))
        return {path.name: _sha256(path) for path in files}

    def named(self, name: str) -> "Weights":
        """The same checkpoint under another name."""
        return Weights(name, self.places, self.vocabulary, self.hints, self.beside)

    def shape(self, tensor: str) -> tuple[int, int]:
        """A tensor as a matrix: all axes but the last are rows; a vector is one row."""
        return self._place(tensor).rows_and_columns

    def rows(self, tensor: str, at: NDArray[np.int64] | Sequence[int] | None = None) -> Float32:
        """
        Rows of a tensor as `(rows, columns)` float32, all of them without `at`.

        Raises:
            LineageError: no such tensor, it holds no weights, or a value is NaN or infinite.
        """
        place = self._place(tensor)
        n_rows, columns = place.rows_and_columns
        index = np.arange(n_rows) if at is None else np.asarray(at, dtype=np.int64)
        held = self._map(place.path)
        if place.offset + place.n_bytes > len(held):
            raise LineageError(f"{place.path}: changed while it was read. Run again once nobody writes to it")
        if len(index) and place.n_bytes >= _WORTH_ASKING:
            _ask_ahead(held, place, index)
        whole = np.frombuffer(held, dtype=np.uint8, count=place.n_bytes, offset=place.offset).reshape(n_rows, place.row_bytes)
        raw = whole[index]
        del whole
        self._give_back(held, place)
        values = decode(place.code, raw, f"{self._name}: {tensor}")
        scale = tensor + _SCALE
        return values * self._scales(scale, index, n_rows, columns) if scale in self.places else values

    def whole(self, tensor: str) -> Float32:
        """A tensor in its own shape."""
        return self.rows(tensor).reshape(self._place(tensor).shape)

    def _scales(self, scale: str, index: NDArray[np.int64], n_rows: int, columns: int) -> Float32:
        blocks = self.rows(scale)
        tall, wide = -(-n_rows // len(blocks)), -(-columns // blocks.shape[1])
        # blocks of DeepSeek-V3 are 128 x 128; the last row or column of blocks may be smaller
        tall, wide = max(tall, 128 if n_rows > 128 else tall), max(wide, 128 if columns > 128 else wide)
        return blocks[np.minimum(index // tall, len(blocks) - 1)].repeat(wide, axis=1)[:, :columns]

    def _place(self, tensor: str) -> Place:
        try:
            return self.places[tensor]
        except KeyError as error:
            raise LineageError(
                f"{self._name}: tensor '{tensor}' is missing. The checkpoint is incomplete: download it again"
            ) from error

    def _map(self, path: Path) -> mmap.mmap:
        if path not in self._maps:
            with path.open("rb") as file:
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[path].madvise(mmap.MADV_RANDOM)
        return self._maps[path]

    def _give_back(self, held: mmap.mmap, place: Place) -> None:
        start = place.offset // mmap.PAGESIZE * mmap.PAGESIZE
        if place.n_bytes:
            held.madvise(mmap.MADV_DONTNEED, start, place.offset + place.n_bytes - start)


def _ask_ahead(held: mmap.mmap, place: Place, index: NDArray[np.int64]) -> None:
    """Tell the system which pages come next, so that a disk is asked for all rows at once and for nothing between them."""
    rows = np.unique(index)
    breaks = np.flatnonzero(np.diff(rows) > 1)
    for first, last in zip(rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, len(rows) - 1]], strict=True):
        begin = (place.offset + int(first) * place.row_bytes) // mmap.PAGESIZE * mmap.PAGESIZE
        held.madvise(mmap.MADV_WILLNEED, begin, place.offset + (int(last) + 1) * place.row_bytes - begin)


def open_weights(path: Path, name: str | None = None) -> Weights:
    """
    Open a checkpoint by its content: a folder or file of safetensors, or GGUF.

    Raises:
        LineageError: nothing there, a pickle or an archive, or a damaged file.
    """
    name = name or str(path)
    if path.is_dir():
        return _checked(_hub(name, places_in_folder(path), path))
    if not path.is_file():
        raise LineageError(f"{path}: no such file or folder")
    refuse_pickle(path)
    if read_start(path, 4) == MAGIC:
        metadata, places = read_gguf(path)
        return _checked(Weights(name, places, from_gguf(metadata), _gguf_hints(metadata)))
    return _checked(_hub(name, places_in_file(path), path.parent))


def _hub(name: str, places: Mapping[str, Place], folder: Path) -> Weights:
    tokenizer, config = folder / "tokenizer.json", folder / "config.json"
    beside = [file for file in (tokenizer, config) if file.is_file()]
    return Weights(name, places, from_tokenizer_json(tokenizer), _config(config), beside)


def _checked(weights: Weights) -> Weights:
    if not weights.places:
        raise LineageError(f"{weights.name}: holds no tensors")
    return weights


_TOLD = ("head_dim", "hidden_size", "num_attention_heads", "num_key_value_heads", "n_group", "index_n_heads", "vocab_size")


def _config(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    try:
        tree = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise LineageError(
            f"{path}: not JSON. Download it again, or remove it: Stillwatch reads shapes from the tensors"
        ) from error
    tree = tree if isinstance(tree, dict) else {}
    inner = tree.get("text_config")
    tree = tree | inner if isinstance(inner, dict) else tree
    told = {key: tree[key] for key in _TOLD if isinstance(tree.get(key), int)}
    return {"n_group": 1} | told if "hidden_size" in told else told


def _gguf_hints(metadata: Mapping[str, Value]) -> dict[str, int]:
    architecture = metadata.get("general.architecture", b"")
    at = architecture.decode("utf-8", "replace") + "." if isinstance(architecture, bytes) else ""
    told = {
        "head_dim": number(metadata, at + "attention.key_length"),
        "hidden_size": number(metadata, at + "embedding_length"),
        "num_attention_heads": number(metadata, at + "attention.head_count"),
        "num_key_value_heads": number(metadata, at + "attention.head_count_kv"),
        "n_group": number(metadata, at + "expert_group_count"),
    }
    return {key: value for key, value in told.items() if value is not None and value > 0}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
