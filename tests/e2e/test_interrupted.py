"""A scan that is stopped, killed, or runs out of disk: nothing half-written stays, and --resume gives the same bytes."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import zstandard
from tests.commands import KEY, PROGRAM, Said, assert_clean, assert_sound, own_home
from tests.golden import make

from stillwatch.pipeline import RESULTS

PATIENCE_S = 240


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the log, the key and the person's own files are: the golden log, in four files, so that several processes read."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "log").mkdir()
    (folder / "key").write_bytes(KEY)
    lines = zstandard.ZstdDecompressor().stream_reader(make.LOG.read_bytes()).read().splitlines(keepends=True)
    for i in range(4):
        (folder / f"log/part-{i}.ndjson").write_bytes(b"".join(lines[i * 1200 : (i + 1) * 1200]))
    return folder


@pytest.fixture(scope="module")
def whole(home: Path) -> dict[str, bytes]:
    """What a scan leaves that nobody stops."""
    said = finished(started(home, home / "whole"))
    assert said.code == 3, said.err
    return results(home / "whole")


def started(
    home: Path, out: Path, *options: str, prepare: Callable[[], None] | None = None, program: Sequence[str | Path] = (PROGRAM,)
) -> subprocess.Popen[str]:
    """A scan in a process group of its own, as a person's shell starts it: what runs in the background ignores Ctrl-C."""

    def as_a_person() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prepare is not None:
            prepare()

    arguments = ["scan", str(home / "log"), "--out", str(out), "--key-file", str(home / "key"), "--workers", "2", *options]
    return subprocess.Popen(
        [*program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own_home(home),
        start_new_session=True, preexec_fn=as_a_person,
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> Said:
    """Wait for the end."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Said(process.returncode, out, err)


def results(out: Path) -> dict[str, bytes]:
    """The four results."""
    return {name: (out / name).read_bytes() for name in RESULTS}


def once(process: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    """Wait until the scan has come so far."""
    until = time.monotonic() + PATIENCE_S
    while not seen():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "as reading begins": lambda out: (out / "store/settings.json").exists(),
    "after the first part": lambda out: (out / "store/signatures").exists(),
    "among the later stages": lambda out: (out / "store/stages.json").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_ctrl_c_leaves_a_clean_folder(
    home: Path, whole: dict[str, bytes], tmp_path: Path, moment: Callable[[Path], bool]
) -> None:
    """Ctrl-C ends a scan with code 130 and one word, nothing half-written stays, and --resume ends as if nothing had been."""
    process = started(home, tmp_path / "out")
    once(process, lambda: moment(tmp_path / "out"))

    os.killpg(process.pid, signal.SIGINT)
    said = finished(process)

    assert_sound(said)
    assert said.code == 130
    assert said.err.splitlines()[-1].startswith("interrupted")
    assert_clean(tmp_path / "out", whole=False)
    assert finished(started(home, tmp_path / "out", "--resume")).code == 3
    assert results(tmp_path / "out") == whole


SMALL_CHUNKS = """
from stillwatch.cli.main import main
from stillwatch.evidence import weighing

if __name__ == "__main__":
    weighing.CHUNK_EXCHANGES, weighing.MANY_CHUNKS = 200, 1
    main()
"""


def test_ctrl_c_while_groups_are_weighed_in_processes(home: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """Other processes weigh the groups of a large log; here they get chunks so small that the golden log has many."""
    (tmp_path / "scan.py").write_text(SMALL_CHUNKS)
    program = (sys.executable, tmp_path / "scan.py")
    process = started(home, tmp_path / "out", program=program)
    once(process, lambda: (tmp_path / "out/store/groups").exists())

    os.killpg(process.pid, signal.SIGINT)
    said = finished(process)

    assert_sound(said)
    assert said.code == 130
    assert not (tmp_path / "out/store/evidence").exists()
    assert_clean(tmp_path / "out", whole=False)
    assert finished(started(home, tmp_path / "out", "--resume", program=program)).code == 3
    assert results(tmp_path / "out") == whole


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_killed_scan_is_resumed(home: Path, whole: dict[str, bytes], tmp_path: Path, moment: Callable[[Path], bool]) -> None:
    """After SIGKILL at any moment --resume gives the same bytes, and sweeps up what the killed run left."""
    process = started(home, tmp_path / "out")
    once(process, lambda: moment(tmp_path / "out"))

    os.killpg(process.pid, signal.SIGKILL)
    finished(process)
    said = finished(started(home, tmp_path / "out", "--resume"))

    assert_sound(said)
    assert said.code == 3
    assert results(tmp_path / "out") == whole
    assert_clean(tmp_path / "out")


@pytest.mark.parametrize("kilobytes", [4, 24, 120])
def test_what_cannot_be_written_is_told(home: Path, whole: dict[str, bytes], tmp_path: Path, kilobytes: int) -> None:
    """Where a file may grow no further the scan ends with a sentence; with room again, --resume loses nothing."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

    said = finished(started(home, tmp_path / "out", prepare=limit))

    assert_sound(said)
    assert said.code == 1
    assert str(tmp_path / "out") in said.err
    assert_clean(tmp_path / "out", whole=False)
    assert finished(started(home, tmp_path / "out", "--resume")).code == 3
    assert results(tmp_path / "out") == whole


@pytest.fixture(params=[150, 900])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of so many kilobytes; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs the right to mount one; test_what_cannot_be_written_is_told runs everywhere")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_told(home: Path, whole: dict[str, bytes], small_disk: Path) -> None:
    """A full disk is named as such, with what to do; with room again, --resume loses nothing."""
    said = finished(started(home, small_disk / "out"))

    assert_sound(said)
    assert said.code == 1
    assert "the disk is full" in said.err or "is the disk full?" in said.err
    assert_clean(small_disk / "out", whole=False)
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    assert finished(started(home, small_disk / "out", "--resume")).code == 3
    assert results(small_disk / "out") == whole
