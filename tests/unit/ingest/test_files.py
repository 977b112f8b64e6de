"""Blocks of whole lines, from plain and compressed files."""

import gzip
from pathlib import Path

import pytest
import zstandard

from stillwatch.errors import LogFormatError
from stillwatch.ingest import files
from stillwatch.ingest.files import Block, blocks, compression_of, head_bytes, line_before

LINES = b"".join(b'{"n": %d, "pad": "%s"}\n' % (i, b"x" * (i % 50)) for i in range(2_000))


def squeezed(kind: str) -> bytes:
    return gzip.compress(LINES) if kind == "gzip" else zstandard.ZstdCompressor().compress(LINES)


def written(folder: Path, data: bytes) -> str:
    path = folder / "log"
    path.write_bytes(data)
    return str(path)


def joined(path: str, compression: str | None, begin: int, end: int, size: int = 1_000) -> bytes:
    return b"".join(b.data for b in blocks(path, compression, begin, end, size))


def test_every_line_belongs_to_exactly_one_split(tmp_path: Path) -> None:
    """
    Wherever a file is divided, its lines come once each and whole.
    """
    path = written(tmp_path, LINES)

    for step in (97, 1_000, 33_333, len(LINES)):
        parts = [joined(path, None, at, min(at + step, len(LINES))) for at in range(0, len(LINES), step)]
        assert b"".join(parts) == LINES


def test_a_last_line_without_newline_is_read(tmp_path: Path) -> None:
    """
    The end of the file ends a line.
    """
    path = written(tmp_path, LINES[:-1])

    assert joined(path, None, 0, len(LINES) - 1) == LINES[:-1]
    assert joined(path, None, 0, 10) == LINES.split(b"\n", 1)[0] + b"\n"


def test_blocks_hold_whole_lines_and_know_their_place(tmp_path: Path) -> None:
    """
    Each block ends with a line and says the number of its first.
    """
    path = written(tmp_path, LINES)
    seen = 0

    for block in blocks(path, None, 0, len(LINES), 4_096):
        assert block.data.endswith(b"\n")
        assert block.first_line == seen + 1
        seen += block.data.count(b"\n")

    assert seen == 2_000


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed_files_give_the_same_lines(tmp_path: Path, kind: str) -> None:
    """
    Compression is told by the first bytes, and several members in a row are one file.
    """
    data = squeezed(kind) + squeezed(kind)
    path = written(tmp_path, data)

    assert compression_of(data) == kind
    assert joined(path, kind, 0, len(data)) == LINES + LINES
    assert not any(b.cut for b in blocks(path, kind, 0, len(data)))


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_cut_compressed_file_loses_nothing_before_the_cut(tmp_path: Path, kind: str) -> None:
    """
    What a truncated stream still decodes to is given, and the cut is told.
    """
    noise = b"".join(b"%d\n" % (i * 2_654_435_761 % 2**32) for i in range(100_000))
    data = gzip.compress(noise) if kind == "gzip" else zstandard.ZstdCompressor().compress(noise)
    path = written(tmp_path, data[: len(data) // 2])

    found = list(blocks(path, kind, 0, len(data)))
    text = b"".join(b.data for b in found)

    assert noise.startswith(text)
    assert len(text) > 0.4 * len(noise)
    assert [b.cut for b in found][-1]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_damage_ends_a_stream_but_keeps_what_came_before(tmp_path: Path, kind: str) -> None:
    """
    Bytes that are overwritten in the middle cost what follows them, not what precedes.
    """
    noise = b"".join(b"%d\n" % (i * 2_654_435_761 % 2**32) for i in range(100_000))
    data = bytearray(gzip.compress(noise) if kind == "gzip" else zstandard.ZstdCompressor(write_checksum=True).compress(noise))
    middle = len(data) // 2
    data[middle : middle + 4_096] = bytes(range(256)) * 16
    path = written(tmp_path, bytes(data))

    found = list(blocks(path, kind, 0, len(data)))
    text = b"".join(b.data for b in found)

    assert noise.startswith(text[: int(len(noise) * 0.3)])
    assert len(text) > 0.3 * len(noise)
    assert found[-1].cut


def test_zero_padding_after_a_stream_is_no_damage(tmp_path: Path) -> None:
    """
    Tape-like padding with zeros ends a file quietly.
    """
    path = written(tmp_path, gzip.compress(LINES) + bytes(512))

    found = list(blocks(path, "gzip", 0, 1))

    assert b"".join(b.data for b in found) == LINES
    assert not found[-1].cut


def test_a_line_longer_than_a_block_comes_whole(tmp_path: Path) -> None:
    """
    A block grows to hold the line it ends in.
    """
    long = b'{"prompt": "' + b"y" * 3_000_000 + b'"}\n'
    path = written(tmp_path, LINES + long + LINES)

    assert joined(path, None, 0, 10**9, 1_000) == LINES + long + LINES


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file that never breaks its line is not read into memory for ever.
    """
    monkeypatch.setattr(files, "_LONGEST", 1_000)
    path = written(tmp_path, b"{" * 3_000_000)

    with pytest.raises(LogFormatError, match="longer than 512 MB"):
        joined(path, None, 0, 3_000_000)


def test_lines_before_an_offset_are_counted(tmp_path: Path) -> None:
    """
    The number of a line in its file is the lines before its split, plus its place there.
    """
    path = written(tmp_path, LINES)

    assert line_before(path, LINES.index(b'{"n": 777,')) == 777
    assert line_before(path, 10**9) == 2_000


def test_the_head_is_short_and_tells_whether_it_is_all(tmp_path: Path) -> None:
    """
    The first bytes are given after decompression.
    """
    assert head_bytes(written(tmp_path, LINES), None, 100) == (LINES[:100], False)
    assert head_bytes(written(tmp_path, LINES), None, 10**7) == (LINES, True)
    assert head_bytes(written(tmp_path, gzip.compress(LINES)), "gzip", 50) == (LINES[:50], False)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """
    The error says which file and what to check.
    """
    with pytest.raises(LogFormatError, match=r"gone: cannot be read .*Check the path"):
        list(blocks(str(tmp_path / "gone"), None, 0, 1))


def test_a_block_divides_into_its_lines() -> None:
    """
    Parts hold whole lines, know their place, and add up to the block, newline at the end or not.
    """
    for data in (LINES, LINES[:-1], b"no newline"):
        parts = list(files.divided(Block(data, 10, data.count(b"\n")), 500))

        assert b"".join(p.data for p in parts) == data
        assert all(p.data.endswith(b"\n") for p in parts[:-1])
        assert [p.first_line for p in parts] == [10 + sum(q.n_newlines for q in parts[:i]) for i in range(len(parts))]
