"""Which file is this?"""

import hashlib
import os
from pathlib import Path

import pytest

from stillwatch.errors import LogFormatError
from stillwatch.intake.files import identify, stamp_of


def test_a_file_is_told_by_its_bytes(tmp_path: Path) -> None:
    """Two files of the same bytes are one, wherever they lie; a byte more is another."""
    for name, held in (("a", b"one\n"), ("b", b"one\n"), ("c", b"one\ntwo\n")):
        (tmp_path / name).write_bytes(held)

    a, b, c = (identify(str(tmp_path / name), {}, {}) for name in "abc")

    assert a.digest == b.digest == hashlib.sha256(b"one\n").hexdigest()
    assert c.digest != a.digest
    assert a.stamp != b.stamp


def test_a_file_that_was_not_written_since_is_not_read(tmp_path: Path) -> None:
    """While path, size, time and inode are those that are known, the digest is taken over; a write is noticed."""
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    known = {stamp_of(str(path)): "taken over"}

    assert identify(str(path), known, {}).digest == "taken over"
    path.write_bytes(b"two\n")
    os.utime(path, ns=(0, 0))
    assert identify(str(path), known, {}).digest == hashlib.sha256(b"two\n").hexdigest()


@pytest.mark.parametrize(("now", "grown"), [(b"one\ntwo\n", True), (b"One\ntwo\n", False), (b"on", False), (b"two\n", False)])
def test_only_what_is_longer_and_begins_alike_has_grown(tmp_path: Path, now: bytes, grown: bool) -> None:
    """A file that was appended to names what it was; one that was written anew does not."""
    path = tmp_path / "log"
    path.write_bytes(now)
    was = hashlib.sha256(b"one\n").hexdigest()

    told = identify(str(path), {}, {str(path): (4, was)})

    assert told.digest == hashlib.sha256(now).hexdigest()
    assert told.replaces == (was if grown else None)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(LogFormatError, match="gone: cannot be read"):
        identify(str(tmp_path / "gone"), {}, {})
