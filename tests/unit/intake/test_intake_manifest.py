"""What a store says of itself."""

from dataclasses import replace

import pytest

from stillwatch.ingest.base import LogFile, Split
from stillwatch.intake.files import Identity
from stillwatch.intake.manifest import Delivery, Manifest, StoredFile
from stillwatch.records.coverage import Coverage


def a_file(name: str, *days: str, n_bad: int = 0) -> StoredFile:
    """A file of two exchanges a day."""
    log = LogFile(f"/logs/{name}", "exchanges", "exchanges", "lines", None, 40, None, {})
    split = Split(7, log.path, "exchanges", "exchanges", "lines", 0, 40)
    coverage = {day: Coverage(2, {"ip": 1}) for day in days}
    bad = (("bad/part-000007-000000-0a.ndjson", 9),) if n_bad else ()
    identity = Identity(f"digest of {name}", (log.path, 40, 1, 2), "what it was")
    return StoredFile(identity, log, (split,), coverage, Coverage(0, {}, frozenset({"x"}), {"n": 1}, 3), n_bad, bad, max(days))


def a_manifest() -> Manifest:
    """Two files in one delivery, three days."""
    parts = {f"2026-11-0{i}": ((f"signatures/part-000007-2026-11-0{i}-0a.parquet", 100 + i),) for i in (1, 2, 3)}
    delivery = Delivery((a_file("a", "2026-11-01", n_bad=2), a_file("b", "2026-11-02", "2026-11-03")), parts)
    return Manifest({"key_id": "1a"}, 8, (delivery,))


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    """Every field of it, also of files of which nothing is kept."""
    held = a_manifest()
    later = replace(held, deliveries=tuple(d.since("2026-11-02") for d in held.deliveries))

    assert Manifest.from_json(held.to_json()) == held
    assert Manifest.from_json(later.to_json()) == later


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"version": 99}', b'{"version": 1, "bound": {}}'])
def test_something_else_is_no_manifest(raw: bytes) -> None:
    """One error for all of it."""
    with pytest.raises(ValueError):
        Manifest.from_json(raw)


def test_days_are_left_out_with_all_that_is_theirs() -> None:
    """A file of which no day is kept is no file of the log any more, its bad lines go, and it is still known."""
    (delivery,) = a_manifest().deliveries

    held = replace(a_manifest(), deliveries=(delivery.since("2026-11-03"),))

    assert held.days == {"2026-11-03"}
    assert [f.log.path for f in held.files] == ["/logs/b"]
    assert held.paths == {"signatures/part-000007-2026-11-03-0a.parquet"}
    assert held.deliveries[0].digests == delivery.digests


def test_bad_lines_are_among_the_parts() -> None:
    """What counts is the exchanges of every day, and the lines that could not be read."""
    assert ("bad/part-000007-000000-0a.ndjson", 9) in a_manifest().parts
    assert len(a_manifest().parts) == 4
    assert a_manifest().newest_day == "2026-11-03"
