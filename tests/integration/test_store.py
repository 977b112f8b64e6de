"""Scans into a store: whatever is delivered when, the results are those of one scan over the same logs, to the byte."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import zstandard
from tests.golden import make

from stillwatch import pipeline, report
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import EngineError, LogFormatError, SettingsError
from stillwatch.settings import Settings, with_changes

N_DAYS, DOUBLED_A_DAY, CHANGED_A_DAY, BAD_A_DAY = 7, 30, 10, 3
Log = dict[str, list[bytes]]


def a_log() -> Log:
    """
    The golden log by day, made harder: whole seconds, so that many exchanges of an account are equally early; in every file
    some exchanges of the days before, word by word or under another prompt; and lines that are none.
    """
    draw = random.Random(5)
    lines = zstandard.ZstdDecompressor().stream_reader(make.LOG.read_bytes()).read().splitlines(keepends=True)
    days: Log = defaultdict(list)
    for line in lines:
        told = orjson.loads(line)
        told["seen_at"] = told["seen_at"][:19] + "Z"
        days[told["seen_at"][:10]].append(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
    earlier: list[bytes] = []
    for day in sorted(days):
        own = list(days[day])
        if earlier:
            days[day] += draw.sample(earlier, DOUBLED_A_DAY)
            for line in draw.sample(earlier, CHANGED_A_DAY):
                told = orjson.loads(line) | {"prompt": "What did I ask, and when? " + "Tell me again. " * draw.randint(1, 9)}
                days[day].append(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
        days[day] += [b'{"exchange_id": \n'] * BAD_A_DAY
        earlier += own
    return dict(days)


LOG = a_log()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The test's key, one process, samples so small that every group is sampled."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(make.KEY)
    return with_changes(
        Settings(),
        privacy={"key_file": key},
        engine={"workers": 1, "memory_gb": 1.0},
        candidates={"sample_exchanges": 300, "min_exchanges": 60},
        campaigns={"frontier": False, "min_exchanges": 60},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log, a file a day."""
    return written(tmp_path_factory.mktemp("log"), LOG)


@pytest.fixture(scope="module")
def whole(folder: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one scan over all of it leaves; a campaign among it, with its wording, and duplicates."""
    told = scanned([folder], tmp_path_factory.mktemp("whole") / "out", settings)
    document = orjson.loads(told["campaigns.json"])
    assert any(recipe["sketch"] for c in document["campaigns"] for recipe in c["recipes"])
    assert document["coverage"]["n_duplicates"] == (N_DAYS - 1) * (DOUBLED_A_DAY + CHANGED_A_DAY)
    assert document["coverage"]["n_bad_lines"] == N_DAYS * BAD_A_DAY
    return told


def written(folder: Path, log: Log) -> Path:
    """A file a name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in log.items():
        (folder / f"{name}.ndjson").write_bytes(b"".join(lines))
    return folder


@dataclass
class Heard:
    """Notes which stages there were, and what was said."""

    stages: list[str]
    said: list[str]

    def stage(self, name: str, total_rows: int | None) -> None:
        self.stages.append(name)

    def advance(self, rows: int) -> None:
        pass

    def done(self) -> None:
        pass

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def scanned(
    logs: Sequence[Path], out: Path, settings: Settings, store: Path | None = None, keep_days: int | None = None,
    heard: Heard | None = None, resume: bool = False,
) -> dict[str, bytes]:  # fmt: skip
    """The four results of one scan."""
    outcome = pipeline.scan(
        [str(p) for p in logs], out, settings, store=store, keep_days=keep_days, observer=heard, resume=resume
    )
    with DuckDBEngine(out / pipeline.STORE, settings.engine) as engine:
        report.write(engine, outcome.document, out, account_names=True)
    return {name: (out / name).read_bytes() for name in pipeline.RESULTS}


def assert_equal(told: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Byte for byte; the names of those that differ."""
    assert [name for name in expected if told[name] != expected[name]] == []


def files_below(store: Path) -> set[str]:
    return {p.name for p in store.rglob("*") if p.is_file()}


def test_neither_files_nor_their_order_change_a_result(whole: dict[str, bytes], settings: Settings, tmp_path: Path) -> None:
    """The same lines, shuffled over as many files as before, give the same bytes in one scan without a store."""
    lines = [line for day in LOG.values() for line in day]
    random.Random(1).shuffle(lines)
    cuts = [0, *sorted(random.Random(2).sample(range(1, len(lines)), N_DAYS - 1)), len(lines)]
    log = {f"piece-{i}": lines[low:high] for i, (low, high) in enumerate(pairwise(cuts))}

    assert_equal(scanned([written(tmp_path / "log", log)], tmp_path / "out", settings), whole)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_deliveries_add_up_to_one_scan(
    folder: Path, whole: dict[str, bytes], settings: Settings, tmp_path: Path, seed: int
) -> None:
    """Files in any order, some at a time, give what one scan over all of them gives."""
    files = sorted(folder.iterdir())
    draw = random.Random(seed)
    draw.shuffle(files)
    told: dict[str, bytes] = {}
    while files:
        now = [files.pop() for _ in range(min(draw.randint(1, 3), len(files)))]
        told = scanned(now, tmp_path / "out", settings, tmp_path / "store")

    assert_equal(told, whole)
    assert pipeline.verify(tmp_path / "out", _made(tmp_path / "again"))[1] == ()


def test_a_day_in_pieces_and_late_is_as_good(settings: Settings, tmp_path: Path) -> None:
    """A day whose second half comes after all other days gives what one scan over the same files gives."""
    first, *_, last = sorted(LOG)
    half = len(LOG[first]) // 2
    log = {**LOG, first: LOG[first][:half], f"{first}-late": LOG[first][half:]}
    folder = written(tmp_path / "log", log)
    files = [folder / f"{name}.ndjson" for name in (first, last, *sorted(log.keys() - {first, last}), f"{first}-late")]

    for i in (0, 1, 4):
        scanned(files[i : i + 3], tmp_path / "out", settings, tmp_path / "store")
    told = scanned(files[7:], tmp_path / "out", settings, tmp_path / "store")

    assert_equal(told, scanned([folder], tmp_path / "whole", settings))


def test_days_that_are_too_old_are_let_go(folder: Path, settings: Settings, tmp_path: Path) -> None:
    """After --keep-days nothing of the older days is left in the store, and the results are those of a scan of the others."""
    newest = sorted(LOG)[-4:]
    scanned([folder], tmp_path / "out", settings, tmp_path / "store")

    heard = Heard([], [])
    told = scanned([folder], tmp_path / "out", settings, tmp_path / "store", keep_days=4, heard=heard)

    kept = [folder / f"{day}.ndjson" for day in newest]
    assert "read" not in heard.stages
    assert_equal(told, _without_older(kept, newest[0], settings, tmp_path))
    stored = {name for name in files_below(tmp_path / "store") if name.endswith(".parquet")}
    assert {name[12:22] for name in stored} == set(newest)


def _without_older(files: Sequence[Path], first: str, settings: Settings, tmp_path: Path) -> dict[str, bytes]:
    """One scan over these files without the exchanges of earlier days that they repeat."""
    log = {p.stem: [x for x in p.read_bytes().splitlines(keepends=True) if _day(x) >= first] for p in files}
    return scanned([written(tmp_path / "newer", log)], tmp_path / "newer-out", settings)


def _day(line: bytes) -> str:
    """A line that is none belongs to whatever it came with."""
    try:
        return str(orjson.loads(line)["seen_at"][:10])
    except orjson.JSONDecodeError:
        return "9999"


def test_what_is_dropped_stays_away_while_it_is_too_old(folder: Path, settings: Settings, tmp_path: Path) -> None:
    """The folder with all its days is given again: days that are too old are not read, and come back with a longer reach."""
    scanned([folder], tmp_path / "out", settings, tmp_path / "store", keep_days=2)
    again, longer = Heard([], []), Heard([], [])

    scanned([folder], tmp_path / "out", settings, tmp_path / "store", keep_days=2, heard=again)
    scanned([folder], tmp_path / "out", settings, tmp_path / "store", keep_days=5, heard=longer)

    assert "read" not in again.stages
    assert "read" in longer.stages
    stored = {name[12:22] for name in files_below(tmp_path / "store") if name.endswith(".parquet")}
    assert stored == set(sorted(LOG)[-5:])


def test_a_file_that_grew_takes_the_place_of_what_it_was(settings: Settings, tmp_path: Path) -> None:
    """A log that is appended to, and shares a delivery with others, counts once: as it is now."""
    days = sorted(LOG)[:4]
    folder = written(tmp_path / "log", {day: LOG[day] for day in days[:3]} | {days[3]: LOG[days[3]][:200]})
    scanned([folder], tmp_path / "out", settings, tmp_path / "store")
    before = files_below(tmp_path / "store")
    written(folder, {days[3]: LOG[days[3]]})

    told = scanned([folder], tmp_path / "out", settings, tmp_path / "store")

    assert_equal(told, scanned([folder], tmp_path / "whole", settings))
    assert not {name for name in before & files_below(tmp_path / "store") if name.startswith("part-")}


def test_a_known_file_is_not_read_again(folder: Path, whole: dict[str, bytes], settings: Settings, tmp_path: Path) -> None:
    """Files are known by their bytes: under other names or given twice they are passed over, and wording is still found."""
    log = written(tmp_path / "log", LOG)
    scanned([log], tmp_path / "out", settings, tmp_path / "store")
    moved = tmp_path / "moved"
    log.rename(moved)
    for file in moved.iterdir():
        file.rename(file.with_name("x" + file.name))
    heard = Heard([], [])

    told = scanned([moved, folder], tmp_path / "out", settings, tmp_path / "store", heard=heard)

    assert "read" not in heard.stages
    assert any("0 of 14 files were new" in sentence for sentence in heard.said)
    assert_equal(told, whole)


def test_a_results_folder_outlives_what_its_store_drops(folder: Path, settings: Settings, tmp_path: Path) -> None:
    """Results of an earlier run verify after their store has let their days go."""
    scanned([folder], tmp_path / "old", settings, tmp_path / "store")
    scanned([folder], tmp_path / "new", settings, tmp_path / "store", keep_days=1)

    assert pipeline.verify(tmp_path / "old", _made(tmp_path / "again"))[1] == ()


def test_a_finished_stage_is_not_run_again(folder: Path, whole: dict[str, bytes], settings: Settings, tmp_path: Path) -> None:
    """With a store, too, --resume goes on after the last finished stage; but not where the store holds more than it did."""
    files = sorted(folder.iterdir())
    scanned(files[:-1], tmp_path / "out", settings, tmp_path / "store")
    same, more = Heard([], []), Heard([], [])

    scanned(files[:-1], tmp_path / "out", settings, tmp_path / "store", heard=same, resume=True)
    told = scanned(files, tmp_path / "out", settings, tmp_path / "store", heard=more, resume=True)

    assert "templates" not in same.stages
    assert "templates" in more.stages
    assert_equal(told, whole)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def one_day(settings: Settings, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one day."""
    store = tmp_path_factory.mktemp("one-day") / "store"
    scanned([sorted(folder.iterdir())[0]], store.parent / "out", settings, store)
    return store


def test_another_key_is_refused(one_day: Path, folder: Path, settings: Settings, tmp_path: Path) -> None:
    """Under another key the digests would mean other accounts: the error names both keys' ids and the remedy; results stay."""
    (tmp_path / "key").write_bytes(b"another key, not a secret either")
    before = sorted((p, p.stat().st_mtime_ns) for p in one_day.parent.rglob("*") if p.name != "lock")
    other = with_changes(settings, privacy={"key_file": tmp_path / "key"})

    with pytest.raises(SettingsError, match=r"was filled under another key \(id \w{8}; .* Pass --key-file"):
        pipeline.scan([str(folder)], one_day.parent / "out", other, store=one_day)

    assert sorted((p, p.stat().st_mtime_ns) for p in one_day.parent.rglob("*") if p.name != "lock") == before


@pytest.mark.parametrize(
    ("section", "change", "named"),
    [
        ("ingest", {"columns": {"tier": "plan"}}, "ingest.columns"),
        ("ingest", {"time_format": "iso"}, "ingest.time_format"),
        ("sharing", {"epoch": "2026q4"}, "sharing.epoch"),
    ],
)
def test_another_way_of_reading_is_refused(
    one_day: Path, folder: Path, settings: Settings, tmp_path: Path, section: str, change: dict[str, object], named: str
) -> None:
    """A setting that moves the signatures is named; one that moves only what is made of them is not asked about."""
    if section == "sharing":
        (tmp_path / "epoch").write_bytes(make.KEY)
        change = {**change, "epoch_key_file": tmp_path / "epoch"}

    with pytest.raises(SettingsError, match=f"another value of {named}"):
        pipeline.scan([str(folder)], tmp_path / "out", with_changes(settings, **{section: change}), store=one_day)


def test_a_setting_of_later_stages_may_change(one_day: Path, folder: Path, settings: Settings, tmp_path: Path) -> None:
    """Thresholds of templates to verdicts are applied to all that the store holds."""
    first = [sorted(folder.iterdir())[0]]
    changed = with_changes(settings, campaigns={"q": 0.05}, ingest={"split_rows": 100})

    told = scanned(first, tmp_path / "out", changed, one_day)

    assert_equal(told, scanned(first, tmp_path / "whole", changed))


def test_other_signatures_are_refused(
    one_day: Path, folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that signs otherwise says so, rather than to compare what cannot be compared."""
    monkeypatch.setattr("stillwatch.signatures.mark", lambda shared: "0123456789abcdef")

    with pytest.raises(SettingsError, match="filled by a version of Stillwatch whose signatures differ"):
        pipeline.scan([str(folder)], tmp_path / "out", settings, store=one_day)


def test_a_folder_that_is_no_store_is_refused(folder: Path, settings: Settings, tmp_path: Path) -> None:
    """Nothing is written into a folder that holds something else, nor into results or around them."""
    (tmp_path / "else").mkdir()
    (tmp_path / "else/letter.txt").write_text("dear")

    with pytest.raises(SettingsError, match=r"is not empty and no store \('letter.txt' is in it\)"):
        pipeline.scan([str(folder)], tmp_path / "out", settings, store=tmp_path / "else")
    with pytest.raises(SettingsError, match="one lies in the other"):
        pipeline.scan([str(folder)], tmp_path / "out", settings, store=tmp_path / "out/in-it")

    assert sorted(p.name for p in tmp_path.iterdir()) == ["else"]


@pytest.fixture
def damaged(one_day: Path) -> Iterator[Path]:
    """A part of the store is cut short."""
    part = sorted((one_day / "signatures").iterdir())[0]
    held = part.read_bytes()
    part.write_bytes(held[:-100])
    yield part
    part.write_bytes(held)


def test_a_damaged_store_is_told(one_day: Path, damaged: Path, folder: Path, settings: Settings, tmp_path: Path) -> None:
    """A part that is not as it was written is named before anything is scored."""
    with pytest.raises(EngineError, match=f"{damaged.name}: is missing or was changed"):
        pipeline.scan([str(folder)], tmp_path / "out", settings, store=one_day)


def test_a_file_of_bad_lines_is_not_kept(one_day: Path, settings: Settings, tmp_path: Path) -> None:
    """A file of which too little can be read is refused, and the store stays what it was."""
    lines = LOG[sorted(LOG)[1]][:20] + [b"{]\n"] * 30
    written(tmp_path / "log", {"bad": lines})
    before = (one_day / "manifest.json").read_bytes()

    with pytest.raises(LogFormatError, match="of 50 lines could not be read"):
        pipeline.scan([str(tmp_path / "log")], tmp_path / "out", settings, store=one_day)

    assert (one_day / "manifest.json").read_bytes() == before
