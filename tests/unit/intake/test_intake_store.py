"""A store, filled with logs of a few exchanges."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from stillwatch import ingest
from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import EngineError, SettingsError
from stillwatch.intake import Bound, Store, add
from stillwatch.intake.store import today
from stillwatch.privacy import Key
from stillwatch.records import tables
from stillwatch.records.progress import Silent
from stillwatch.settings import EngineSettings, IngestSettings

KEY = Key(b"a key for tests, not a secret...")
BOUND = Bound.of(KEY, IngestSettings(), None)


@contextmanager
def opened(root: Path) -> Iterator[Store]:
    """The store below `root`."""
    with Store.opened(root / "store", BOUND) as store:
        yield store


def a_log(path: Path, *days: str, n: int = 3, bad: int = 0) -> Path:
    """So many exchanges a day, with ids of the file's own."""
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"exchange_id": f"{path.stem} {day} {i}", "seen_at": f"{day}T1{i}:00:00Z", "account_id": f"a-{i}", "model": "m"}
        for day in days
        for i in range(n)
    ]
    path.write_bytes(b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in rows) + b"{]\n" * bad)
    return path


def given(store: Store, *logs: Path, keep_days: int | None = None) -> int:
    """Files that were read of these."""
    source = ingest.discover([str(p) for p in logs], IngestSettings())
    engine = EngineSettings(workers=1, memory_gb=1.0)
    return add(
        store, source, IngestSettings(), KEY, None, lambda: DuckDBEngine(store.root, engine), Silent(), keep_days
    )  # fmt: skip


def ids(root: Path) -> list[str]:
    """Exchanges of a folder of tables."""
    return sorted(parts.read_table(root, tables.SIGNATURES)["exchange_id"].to_pylist())


def test_parts_are_shown_in_a_scans_folder(tmp_path: Path) -> None:
    """A second name of each part, which stays when the store lets it go."""
    with opened(tmp_path) as store:
        assert given(store, a_log(tmp_path / "a.ndjson", "2026-11-01", "2026-11-02", bad=1)) == 1
        store.link(tmp_path / "out")
        assert store.keep_days(1) == 1

    assert len(ids(tmp_path / "store")) == 3
    assert len(ids(tmp_path / "out")) == 6
    assert list((tmp_path / "out/bad").iterdir())


def test_what_no_manifest_names_is_swept_up(tmp_path: Path) -> None:
    """Parts that a killed run left, whole or half, are gone when the store is opened again; its own are not."""
    with opened(tmp_path) as store:
        given(store, a_log(tmp_path / "a.ndjson", "2026-11-01"))
    held = ids(tmp_path / "store")
    for name in ("part-000001-2026-11-02-00.parquet", "part-000001-2026-11-02-00.77.tmp"):
        (tmp_path / "store/signatures" / name).write_bytes(b"half")

    with opened(tmp_path):
        pass

    assert len(list((tmp_path / "store/signatures").iterdir())) == 1
    assert ids(tmp_path / "store") == held


def test_a_day_ahead_of_the_clock_moves_no_limit(tmp_path: Path) -> None:
    """One exchange with a wrong clock does not cost the others."""
    ahead, yesterday = (str(today() + timedelta(days=n)) for n in (400, -1))
    with opened(tmp_path) as store:
        given(store, a_log(tmp_path / "a.ndjson", "2020-01-01", yesterday, ahead))

        assert store.keep_days(10) == 1

        assert store.manifest.days == {yesterday, ahead}


def test_days_of_nothing(tmp_path: Path) -> None:
    """An empty store has no day to drop."""
    with opened(tmp_path) as store:
        assert store.keep_days(3) == 0
        assert store.manifest.newest_day == ""


def test_a_file_without_exchanges_goes_with_the_day_it_came(tmp_path: Path) -> None:
    """An empty table counts as a file until the newest day of its time goes."""
    empty = tmp_path / "empty.parquet"
    parts.write_file(empty, tables.EXCHANGES.schema.empty_table())
    with opened(tmp_path) as store:
        given(store, a_log(tmp_path / "a.ndjson", "2026-11-01"))
        assert given(store, empty) == 1
        assert len(store.manifest.files) == 2
        assert given(store, empty) == 0

        given(store, a_log(tmp_path / "b.ndjson", "2026-11-09"))
        store.keep_days(3)

        assert [Path(f.log.path).name for f in store.manifest.files] == ["b.ndjson"]


def test_a_delivery_goes_when_each_of_its_files_has_grown_or_come_again(tmp_path: Path) -> None:
    """Of two small files that were read together one grows: both are read again, and the older parts go."""
    a, b = a_log(tmp_path / "log/a.ndjson", "2026-11-01"), a_log(tmp_path / "log/b.ndjson", "2026-11-02")
    with opened(tmp_path) as store:
        assert given(store, a, b) == 2
        assert len(store.manifest.deliveries) == 1
        a_log(a, "2026-11-01", "2026-11-03")

        assert given(store, a) == 1  # b is not given: the old delivery stays, and a's older rows are doubled
        assert len(store.manifest.deliveries) == 2
        assert given(store, a, b) == 1

        assert len(store.manifest.files) == 2
    assert ids(tmp_path / "store") == sorted(
        f"{name} 2026-11-0{d} {i}" for name, d in (("a", 1), ("a", 3), ("b", 2)) for i in range(3)
    )


def test_text_is_looked_for_where_a_file_was_seen_last(tmp_path: Path) -> None:
    """A file that moved is found at its new place once it is given again; one that is gone gives no text, and still counts."""
    a, b = a_log(tmp_path / "log/a.ndjson", "2026-11-01"), a_log(tmp_path / "log/b.ndjson", "2026-11-02")
    with opened(tmp_path) as store:
        given(store, a, b)
        a = a.rename(tmp_path / "log/moved.ndjson")
        assert [Path(s.path).name for s in store.source(()).splits] == ["b.ndjson"]
        assert given(store, a) == 0

        told = store.source(())

        assert [Path(s.path).name for s in told.splits] == ["moved.ndjson", "b.ndjson"]
        assert len(told.files) == 2
        numbered = {s.number: [p.first_index for p in ingest.read(s, IngestSettings())] for s in told.splits}
        assert numbered == {0: [0], 1: [0]}


def test_numbers_are_never_used_twice(tmp_path: Path) -> None:
    """Rows of all runs are different, also after days were dropped."""
    with opened(tmp_path) as store:
        given(store, a_log(tmp_path / "a.ndjson", "2026-11-01"), a_log(tmp_path / "b.ndjson", "2026-11-05"))
        store.keep_days(1)
    with opened(tmp_path) as store:
        given(store, a_log(tmp_path / "c.ndjson", "2026-11-06"))
        numbers = [s.number for d in store.manifest.deliveries for f in d.files for s in f.splits]
        assert numbers == [0, 1, 2]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second opener is told at once; when the first has ended it may."""
    with (
        opened(tmp_path),
        pytest.raises(EngineError, match=r"another scan is adding to this store \(process \d+\)"),
        opened(tmp_path),
    ):
        pass
    with opened(tmp_path):
        pass


@pytest.mark.parametrize("raw", [b"", b"half a manif", b'{"version": 2}'])
def test_a_manifest_of_another_kind_is_told(tmp_path: Path, raw: bytes) -> None:
    """What cannot be read is left as it is."""
    with opened(tmp_path):
        pass
    (tmp_path / "store/manifest.json").write_bytes(raw)

    with pytest.raises(SettingsError, match="is no manifest that this version reads"), opened(tmp_path):
        pass

    assert (tmp_path / "store/manifest.json").read_bytes() == raw


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the store should be."""
    (tmp_path / "store").write_text("a file")

    with pytest.raises(SettingsError, match="cannot be made"), opened(tmp_path):
        pass
