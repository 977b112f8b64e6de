"""What a long run shows."""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count

import pytest
from rich.console import Console

from stillwatch.cli import progress
from stillwatch.cli.progress import RichProgress, memory_bytes, shown
from stillwatch.records.progress import Silent


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundredths of a second in place of seconds."""
    for name, value in {"PATIENCE_S": 0.03, "TICK_S": 0.005, "LINE_EVERY_S": 0.04, "MEMORY_EVERY_S": 0.02}.items():
        monkeypatch.setattr(progress, name, value)


def a_run(terminal: bool, long: bool, total: int | None = 1_000) -> str:
    """What a stage of a thousand rows shows; a long one ends when something has been shown."""
    screen = io.StringIO()
    with RichProgress(Console(file=screen, force_terminal=terminal, width=100)) as watch:
        watch.stage("signatures", total)
        for _ in range(4):
            watch.advance(250)
        if long:
            wait_for(screen)
        watch.done()
    return screen.getvalue()


def wait_for(screen: io.StringIO) -> None:
    give_up = time.monotonic() + 20
    while not screen.getvalue() and time.monotonic() < give_up:
        time.sleep(0.005)


def test_a_short_stage_shows_nothing() -> None:
    """What is over at once is not worth a line, on a terminal or elsewhere."""
    assert a_run(terminal=False, long=False) == ""
    assert a_run(terminal=True, long=False) == ""


def test_a_long_stage_is_told_in_plain_lines_where_there_is_no_terminal() -> None:
    """Stage, rows, rate, time and memory come every few seconds, without control characters, and a last line stays."""
    text = a_run(terminal=False, long=True)

    first, *_, last = text.splitlines()
    assert re.fullmatch(r"signatures: 1,000 of 1,000 rows, [\d,]+/s, \d+ s, \d+\.\d GB", first)
    assert re.fullmatch(r"signatures: done, 1,000 of 1,000 rows, [\d,]+/s, \d+ s, \d+\.\d GB", last)
    assert "\x1b" not in text


def test_a_terminal_gets_a_bar_that_is_taken_down() -> None:
    """The bar is drawn while the stage runs; afterwards its line is cleared and the cursor is back."""
    text = a_run(terminal=True, long=True)

    assert "━" in text
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "signatures: done" in text


def test_a_stage_of_unknown_length_is_told_without_a_total() -> None:
    """Rows are counted all the same."""
    assert "done, 1,000 rows, " in a_run(terminal=False, long=True, total=None)


def test_an_interrupted_run_leaves_the_terminal_in_order() -> None:
    """Ctrl-C passes through, and the cursor is back."""
    screen = io.StringIO()

    def interrupted() -> None:
        with RichProgress(Console(file=screen, force_terminal=True)) as watch:
            watch.stage("evidence", None)
            wait_for(screen)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen.getvalue().rindex("\x1b[?25h") > screen.getvalue().rindex("\x1b[?25l")


def test_a_new_stage_ends_the_last_one() -> None:
    """A stage that nobody ended is ended by the next; rows between stages belong to none."""
    screen = io.StringIO()
    with RichProgress(Console(file=screen, width=100)) as watch:
        watch.advance(5)
        watch.stage("one", 3)
        time.sleep(0.05)
        watch.stage("two", None)
        watch.done()
        watch.done()

    assert screen.getvalue().count("done") == 1
    assert "one: done" in screen.getvalue()


def test_sentences_stay_and_are_made_visible() -> None:
    """What a stage says is printed at once; escapes in it are shown, markup is text."""
    screen = io.StringIO()
    with RichProgress(Console(file=screen, width=100)) as watch:
        watch.say("3 bad lines in a\x1b[2J.jsonl [bold]")

    assert screen.getvalue() == "3 bad lines in a⟨U+001B⟩[2J.jsonl [bold]\n"


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet nothing is said; else it is said on stderr."""
    with shown(quiet=True) as watch:
        assert isinstance(watch, Silent)
        watch.say("x")
    assert capsys.readouterr() == ("", "")

    with shown(quiet=False) as watch:
        watch.say("x")
    assert capsys.readouterr() == ("", "x\n")


def test_memory_is_that_of_the_process_and_its_children() -> None:
    """A child that holds fifty megabytes is counted, and no longer when it has ended."""
    held = "import sys; x = bytearray(50_000_000); print('ready', flush=True); sys.stdin.read()"
    before = memory_bytes()
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        during = memory_bytes()
    after = memory_bytes()

    assert before is not None
    assert during is not None
    assert after is not None
    assert during > before + 45_000_000
    assert after < before + 45_000_000


def test_memory_is_unknown_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems get no figure rather than a wrong one."""

    class Nowhere:
        def __init__(self, path: str) -> None:
            self.path = path

        def iterdir(self) -> Iterator[str]:
            raise FileNotFoundError(self.path)

    monkeypatch.setattr(progress, "Path", Nowhere)

    assert memory_bytes() is None


def test_memory_is_unknown_where_proc_does_not_show_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """A /proc that hides this process gives no figure."""
    monkeypatch.setattr("os.getpid", lambda: -1)

    assert memory_bytes() is None


def test_a_process_that_ends_meanwhile_is_passed_over() -> None:
    """A process that is gone when it is read changes nothing."""
    gone = next(pid for pid in count(2**22 + 1) if not os.path.exists(f"/proc/{pid}"))
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}

    progress._read_process(gone, parents, resident)

    assert parents == resident == {}
