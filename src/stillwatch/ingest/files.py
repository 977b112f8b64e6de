"""Bytes of a log: what compresses them, blocks of whole lines, and the place of a line in its file."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from stillwatch.errors import LogFormatError

BLOCK = 8 << 20  # bytes parsed at a time: some 100 MB a process, with the Arrow table and the signatures made from it
_CHUNK = 1 << 20
_COMPRESSED_CHUNK = 1 << 13  # small: where a stream is damaged, what shares a chunk with the damage is lost
_LONGEST = 512 << 20  # bytes of one line: no request of any API comes near
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
CUT = "the compressed file is cut off or damaged here; all before this line was read"


@dataclass(frozen=True, slots=True)
class Block:
    """
    Whole lines, back to back.

    Args:
        data: The lines; the last one of a file may lack its newline.
        first_line: Number of the first line, from 1, counted from the beginning of the split.
        n_newlines: In the data.
        cut: True where the compressed stream ended early, inside or after the last line of this block.
    """

    data: bytes
    first_line: int
    n_newlines: int
    cut: bool = False


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def compression_of(head: bytes) -> str | None:
    """
    Told by the first bytes, not by the file's name.

    >>> compression_of(bytes.fromhex("1f8b08")), compression_of(b'{"a":1}')
    ('gzip', None)
    """
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def opened(path: str) -> BinaryIO:
    """
    The file, ready to be read.

    Raises:
        LogFormatError: it cannot be opened.
    """
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise LogFormatError(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions") from error


def blocks(path: str, compression: str | None, begin: int, end: int, size: int = BLOCK) -> Iterator[Block]:
    """
    The lines that begin in `[begin, end)`, in blocks of about `size` bytes; a longer line makes a longer block.

    A compressed file is read whole, and everything before a cut in it is given.
    """
    with opened(path) as file:
        if compression is None:
            yield from _cut_into_lines(_plain(file, begin, end), size, path)
        else:
            yield from _cut_into_lines(_expanded(file, compression), size, path)


def divided(block: Block, size: int) -> Iterator[Block]:
    """The lines of a block in smaller ones of about `size` bytes."""
    at, line = 0, block.first_line
    while at < len(block.data):
        end = block.data.find(b"\n", min(at + size, len(block.data)))
        part = block.data[at : end + 1] if end >= 0 else block.data[at:]
        n_newlines = part.count(b"\n")
        yield Block(part, line, n_newlines)
        at += len(part)
        line += n_newlines


def line_before(path: str, offset: int) -> int:
    """How many lines end before `offset`; read only when a bad line must be named."""
    n_lines = 0
    with opened(path) as file:
        while offset > 0 and (chunk := file.read(min(_CHUNK, offset))):
            n_lines += chunk.count(b"\n")
            offset -= len(chunk)
    return n_lines


def head_bytes(path: str, compression: str | None, wanted: int) -> tuple[bytes, bool]:
    """The first `wanted` bytes after decompression, and whether the file ends there."""
    parts: list[bytes] = []
    n_bytes = 0
    with opened(path) as file:
        source = _expanded(file, compression) if compression else _plain(file, 0, Path(path).stat().st_size)
        for chunk, _ in source:
            parts.append(chunk)
            n_bytes += len(chunk)
            if n_bytes >= wanted:
                return b"".join(parts)[:wanted], False
    return b"".join(parts), True


def _plain(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, bool]]:
    at = max(begin - 1, 0)
    file.seek(at)
    if begin:
        at += len(file.readline())  # the line that holds byte begin - 1 belongs to the split before
    while at < end and (chunk := file.read(min(_CHUNK, end - at))):
        at += len(chunk)
        yield chunk, False
        if at >= end and not chunk.endswith(b"\n"):
            yield file.readline(), False


def _expanded(file: BinaryIO, compression: str) -> Iterator[tuple[bytes, bool]]:
    decoder, begun = _decoder(compression), False
    while chunk := file.read(_COMPRESSED_CHUNK):
        while chunk:
            if decoder.eof:
                if not chunk.strip(b"\0"):
                    break  # padding after the last member
                decoder, begun = _decoder(compression), False
            try:
                text = decoder.decompress(chunk)
            except (zlib.error, zstandard.ZstdError):
                yield b"", True
                return
            begun = True
            yield text, False
            chunk = decoder.unused_data if decoder.eof else b""
    if begun and not decoder.eof:
        yield b"", True


def _decoder(compression: str) -> _Decoder:
    if compression == "gzip":
        return zlib.decompressobj(wbits=31)
    return zstandard.ZstdDecompressor().decompressobj()


def _cut_into_lines(chunks: Iterator[tuple[bytes, bool]], size: int, path: str) -> Iterator[Block]:
    held: list[bytes] = []
    n_held = 0
    line = 1
    cut = False
    for chunk, cut_here in chunks:
        cut = cut or cut_here
        held.append(chunk)
        n_held += len(chunk)
        if n_held > _LONGEST:
            raise LogFormatError(f"{path}: line {line} and on is longer than 512 MB. Is this one JSON object a line?")
        if n_held < size or b"\n" not in chunk:
            continue
        data = b"".join(held)
        split = data.rindex(b"\n") + 1
        n_newlines = data.count(b"\n", 0, split)
        yield Block(data[:split] if split < len(data) else data, line, n_newlines)
        line += n_newlines
        held, n_held = [data[split:]], len(data) - split
    if n_held or cut:
        data = b"".join(held)
        yield Block(data, line, data.count(b"\n"), cut)
