"""What the columns of an exchange say of each other: the newest turn and the system prompt, out of the messages."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.records.tables import MESSAGE

SYSTEM_ROLES = ("system", "developer")


def prompts(messages: pa.Array, prompt: pa.Array, system_prompt: pa.Array) -> tuple[pa.Array, pa.Array]:
    """`prompt` filled from the newest user turn, and `system_prompt` from the first system turn, where they are null."""
    if messages.null_count == len(messages) or not (prompt.null_count or system_prompt.null_count):
        return prompt, system_prompt
    offsets = messages.offsets.to_numpy()
    turns = messages.values
    roles, contents = turns.field("role"), turns.field("content")
    if prompt.null_count:
        prompt = pc.coalesce(prompt, _picked(contents, _last(_where(roles, ("user",)), offsets)))
    if system_prompt.null_count:
        system_prompt = pc.coalesce(system_prompt, _picked(contents, _first(_where(roles, SYSTEM_ROLES), offsets)))
    return prompt, system_prompt


def _where(roles: pa.Array, wanted: tuple[str, ...]) -> npt.NDArray[np.int64]:
    return np.flatnonzero(pc.is_in(roles, pa.array(wanted)).to_numpy(zero_copy_only=False))


def _last(places: npt.NDArray[np.int64], offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """For each row, the last of `places` inside it, or -1."""
    at = np.searchsorted(places, offsets[1:], "left") - 1
    found = np.append(places, -1)[at]  # at == -1 picks the appended -1
    return np.where(found >= offsets[:-1], found, -1)


def _first(places: npt.NDArray[np.int64], offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    at = np.searchsorted(places, offsets[:-1], "left")
    found = np.append(places, np.iinfo(np.int64).max)[at]
    return np.where(found < offsets[1:], found, -1)


def _picked(contents: pa.Array, at: npt.NDArray[np.int64]) -> pa.Array:
    taken = contents.take(pa.array(at, mask=at < 0))
    return pc.if_else(pc.fill_null(pc.equal(pc.binary_length(taken), 0), False), pa.scalar(None, pa.string()), taken)


def mended(array: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """The array with invalid UTF-8 replaced by U+FFFD, and the rows in which that happened."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        raw = array.cast(pa.binary() if pa.types.is_string(array.type) else pa.large_binary()).to_pylist()
        texts = [None if b is None else b.decode("utf-8", "replace") for b in raw]
        touched = [b is not None and t is not None and t.encode() != b for b, t in zip(raw, texts, strict=True)]
        return pa.array(texts, pa.string()), np.array(touched, bool)
    if array.type == pa.list_(MESSAGE) or array.type == pa.list_(pa.string()):
        return _mended_list(array)
    return array, np.zeros(len(array), bool)


def _mended_list(array: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    values, offsets = array.values, array.offsets.to_numpy()
    if array.type == pa.list_(MESSAGE):
        parts = [mended(values.field(f.name)) for f in MESSAGE]
        whole = pa.StructArray.from_arrays([p for p, _ in parts], fields=list(MESSAGE))
        inside = np.logical_or.reduce([t for _, t in parts])
    else:
        whole, inside = mended(values)
    counts = np.concatenate([[0], np.cumsum(inside)])
    touched = counts[offsets[1:]] > counts[offsets[:-1]]
    if array.null_count == 0:
        return pa.ListArray.from_arrays(array.offsets, whole, type=array.type), touched
    flat = [
        None if not ok else whole[a:b].to_pylist()
        for ok, a, b in zip(array.is_valid().to_pylist(), offsets, offsets[1:], strict=False)
    ]
    return pa.array(flat, array.type), touched
