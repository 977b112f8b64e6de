"""A store whose scans are killed, run out of disk, or come two at a time: it stays whole, and the next run goes on."""

import fcntl
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.commands import KEY, PROGRAM, Said, assert_sound, own_home
from tests.golden import make

from stillwatch import ingest
from stillwatch.pipeline import RESULTS
from stillwatch.settings import IngestSettings

PATIENCE_S = 240
KILLS = 12
N_FILES = 14
PADDING = 5 << 20  # bytes: smaller files are read several at a time


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The key, and the golden log in many files.

    A column that nobody reads makes each too large to be read together with others: so each is committed by itself.
    """
    folder = tmp_path_factory.mktemp("home")
    (folder / "log").mkdir()
    (folder / "key").write_bytes(KEY)
    (split,) = ingest.discover([str(make.LOG)], IngestSettings()).splits
    log = pa.Table.from_batches(piece.exchanges for piece in ingest.read(split, IngestSettings()))
    size = log.num_rows // N_FILES + 1
    for i in range(N_FILES):
        part = log.slice(i * size, size)
        noise = [random.Random(f"{i} {j}").randbytes(PADDING // part.num_rows) for j in range(part.num_rows)]
        pq.write_table(part.append_column("noise", pa.array(noise)), folder / f"log/part-{i:02}.parquet")
    return folder


@pytest.fixture(scope="module")
def whole(home: Path) -> dict[str, bytes]:
    """What one scan over the log leaves, without a store."""
    said = finished(started(home, home / "whole"))
    assert said.code == 3, said.err
    return results(home / "whole")


def started(home: Path, out: Path, *options: str | Path, prepare: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    """A scan with two workers, in a process group of its own."""
    arguments = ["scan", home / "log", "--out", out, "--key-file", home / "key", "--workers", "2", "--no-frontier", *options]
    return subprocess.Popen(
        [PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own_home(home),
        start_new_session=True, preexec_fn=prepare,
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> Said:
    """Wait for the end."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Said(process.returncode, out, err)


def results(out: Path) -> dict[str, bytes]:
    """The four results."""
    return {name: (out / name).read_bytes() for name in RESULTS}


def assert_whole(store: Path) -> int:
    """All that the manifest names is there and can be read; returns how many log files the store knows."""
    if not (store / "manifest.json").exists():
        return 0
    manifest = orjson.loads((store / "manifest.json").read_bytes())
    for delivery in manifest["deliveries"]:
        for path, size in (part for held in delivery["parts"].values() for part in held):
            assert (store / path).stat().st_size == size
            pq.read_table(store / path)
    return sum(len(d["files"]) for d in manifest["deliveries"])


def assert_swept(store: Path) -> None:
    """Nothing lies in the store but what the manifest names."""
    manifest = orjson.loads((store / "manifest.json").read_bytes())
    named = {path for d in manifest["deliveries"] for held in d["parts"].values() for path, _ in held}
    there = {str(p.relative_to(store)) for p in store.rglob("*") if p.is_file()}
    assert there == named | {"manifest.json", "lock"}


def reading_took(home: Path, out: Path) -> tuple[float, float]:
    """Seconds from the start of a scan to its first and to its last committed file."""
    process, began, first = started(home, out, "--store", out.parent / "timed"), time.monotonic(), 0.0
    while process.poll() is None and (n_files := assert_whole(out.parent / "timed")) < N_FILES:
        first = first or (time.monotonic() - began if n_files or (out.parent / "timed").exists() else 0.0)
        time.sleep(0.02)
    last = time.monotonic() - began
    os.killpg(process.pid, signal.SIGKILL)
    finished(process)
    return first, last


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_store_survives_being_killed(home: Path, whole: dict[str, bytes], tmp_path: Path, seed: int) -> None:
    """Scans killed one after the other at random moments of reading leave the store whole; the last, let be, ends as if alone."""
    first, last = reading_took(home, tmp_path / "timing-out")
    draw, store, known = random.Random(seed), tmp_path / "store", 0
    moments = [draw.uniform(first - 0.5, last + 1.0) for _ in range(KILLS)]
    for moment in moments:
        process = started(home, tmp_path / "out", "--store", store)
        time.sleep(max(moment, 0.1))
        os.killpg(process.pid, signal.SIGKILL)
        finished(process)
        now = assert_whole(store)
        assert now >= known, f"seed {seed}: files were forgotten at {moment:.2f} s of {moments}"
        known = now

    said = finished(started(home, tmp_path / "out", "--store", store))

    assert_sound(said)
    assert said.code == 3, f"seed {seed}: {said.err}"
    assert results(tmp_path / "out") == whole, f"seed {seed}: {moments}"
    assert assert_whole(store) == N_FILES
    assert_swept(store)


def test_what_is_read_is_not_read_again(home: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """A scan that is killed after its first commits goes on behind them."""
    process = started(home, tmp_path / "out", "--store", tmp_path / "store")
    while (known := assert_whole(tmp_path / "store")) == 0:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    finished(process)
    known = assert_whole(tmp_path / "store")

    said = finished(started(home, tmp_path / "out", "--store", tmp_path / "store"))

    assert 0 < known <= N_FILES
    assert f"{N_FILES - known} of {N_FILES} files were new" in said.err
    assert results(tmp_path / "out") == whole


@pytest.mark.parametrize("kilobytes", [2, 40, 110])
def test_what_cannot_be_written_is_told(home: Path, whole: dict[str, bytes], tmp_path: Path, kilobytes: int) -> None:
    """Where a file may grow no further the scan ends with a sentence and the store stays whole; with room again it goes on."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

    said = finished(started(home, tmp_path / "out", "--store", tmp_path / "store", prepare=limit))

    assert_sound(said)
    assert said.code == 1
    assert "cannot write" in said.err or "could not read or write" in said.err
    assert_whole(tmp_path / "store")
    assert finished(started(home, tmp_path / "out", "--store", tmp_path / "store")).code == 3
    assert results(tmp_path / "out") == whole
    assert_swept(tmp_path / "store")


@pytest.fixture(params=[60, 250, 700])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of so many kilobytes; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs the right to mount one; test_what_cannot_be_written_is_told runs everywhere")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_told(home: Path, whole: dict[str, bytes], small_disk: Path, tmp_path: Path) -> None:
    """
    A full disk under the store is named as such, and the store stays whole; with room again the next run goes on.

    The results lie on another file system: the parts are shown there by symbolic links.
    """
    said = finished(started(home, tmp_path / "out", "--store", small_disk / "store"))

    assert_sound(said)
    assert said.code == 1
    assert "the disk is full" in said.err
    assert_whole(small_disk / "store")
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    assert finished(started(home, tmp_path / "out", "--store", small_disk / "store")).code == 3
    assert results(tmp_path / "out") == whole
    assert_swept(small_disk / "store")
    assert any(p.is_symlink() for p in (tmp_path / "out/store/signatures").iterdir())


def test_two_scans_do_not_add_at_once(home: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """While one scan adds to a store, a second is told who does, and changes nothing; afterwards it may."""
    store = tmp_path / "store"
    first = started(home, tmp_path / "first", "--store", store)
    while not (store / "manifest.json").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.01)

    second = finished(started(home, tmp_path / "second", "--store", store))

    assert_sound(second)
    if second.code != 3:  # else the first had finished reading before the second asked
        assert second.code == 1
        assert f"another scan is adding to this store (process {first.pid})" in second.err
        assert not (tmp_path / "second").exists()
    assert finished(first).code == 3
    assert results(tmp_path / "first") == whole


def test_a_locked_store_is_told(home: Path, tmp_path: Path) -> None:
    """Whoever holds the lock, the scan says that it is held, and does not wait."""
    (tmp_path / "store").mkdir()
    with open(tmp_path / "store/lock", "w+") as held:
        held.write("4711\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)

        said = finished(started(home, tmp_path / "out", "--store", tmp_path / "store"))

    assert_sound(said)
    assert said.code == 1
    assert "another scan is adding to this store (process 4711). Wait until it ends, and run again" in said.err
    assert not (tmp_path / "out").exists()


def test_days_to_keep_need_a_store(home: Path, tmp_path: Path) -> None:
    """--keep-days without --store is wrong usage."""
    said = finished(started(home, tmp_path / "out", "--keep-days", "30"))

    assert said.code == 2
    assert "name it with --store" in said.err
