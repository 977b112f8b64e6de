"""
What a long run shows on stderr: a bar on a terminal, a plain line every few seconds elsewhere, nothing where `--quiet` is given.

Stages that are over in two seconds show nothing. The observer is fed from the run's own thread and drawn from another, so that a
stage which is one long query still shows its time and memory.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from stillwatch.records.progress import Observer, Silent
from stillwatch.records.visible import visible

PATIENCE_S = 2.0  # a stage that is over by then is not worth a line
TICK_S = 0.25
LINE_EVERY_S = 5.0
MEMORY_EVERY_S = 1.0  # reading /proc costs some 10 ms
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class _Stage:
    """The stage that runs now."""

    name: str
    total: int | None
    began: float
    rows: int = 0

    def told(self, now: float, memory: int | None) -> str:
        """Rows, rate, time and memory, in words."""
        seconds = now - self.began
        of = f" of {self.total:,}" if self.total is not None else ""
        rows = f"{self.rows:,}{of} rows, {self.rows / max(seconds, 1e-9):,.0f}/s, " if self.rows else ""
        held = f", {memory / 1e9:.1f} GB" if memory is not None else ""
        return f"{rows}{seconds:.0f} s{held}"


class RichProgress:
    """
    Draws stages on stderr. Use it as a context, so that a terminal is put back in order even when the run is interrupted.

    Args:
        console: Where it draws; a bar where that is a terminal, plain lines elsewhere.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.RLock()
        self._stage: _Stage | None = None
        self._bar: tuple[Progress, TaskID] | None = None
        self._spoke = 0.0
        self._memory: int | None = None
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()
        with self._lock:
            self._stage = None
            self._take_down()

    def stage(self, name: str, total_rows: int | None) -> None:
        """A stage begins; one that still runs has ended."""
        with self._lock:
            self.done()
            self._stage = _Stage(visible(name), total_rows, time.monotonic())

    def advance(self, rows: int) -> None:
        """So many more rows are done."""
        with self._lock:
            if self._stage is not None:
                self._stage.rows += rows

    def done(self) -> None:
        """The stage has ended; one line stays, if it was worth waiting for."""
        with self._lock:
            stage, self._stage = self._stage, None
            self._take_down()
            now = time.monotonic()
            if stage is not None and now - stage.began >= PATIENCE_S:
                self._line(f"{stage.name}: done, {stage.told(now, self._memory)}")

    def say(self, sentence: str) -> None:
        """A sentence that stays, above the bar."""
        with self._lock:
            self._line(visible(sentence))

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _tick(self) -> None:
        measured = 0.0
        while not self._over.wait(TICK_S):
            now = time.monotonic()
            if now - measured >= MEMORY_EVERY_S:  # outside the lock: the run must not wait for it
                measured, self._memory = now, memory_bytes()
            with self._lock:
                if self._stage is not None and now - self._stage.began >= PATIENCE_S:
                    self._draw(self._stage, now)

    def _draw(self, stage: _Stage, now: float) -> None:
        if self._console.is_terminal:
            self._draw_bar(stage, now)
        elif now - self._spoke >= LINE_EVERY_S:
            self._spoke = now
            self._line(f"{stage.name}: {stage.told(now, self._memory)}")

    def _draw_bar(self, stage: _Stage, now: float) -> None:
        if self._bar is None:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(24),
                TextColumn("{task.fields[told]}", markup=False),
            )
            progress = Progress(*columns, console=self._console, transient=True, auto_refresh=False)
            self._bar = progress, progress.add_task(stage.name, total=stage.total, told="")
            progress.start()
        progress, task = self._bar
        progress.update(task, completed=stage.rows, told=stage.told(now, self._memory), refresh=True)

    def _take_down(self) -> None:
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None


@contextmanager
def shown(quiet: bool) -> Iterator[Observer]:
    """The observer that a command hands to a long run."""
    if quiet:
        yield Silent()
        return
    with RichProgress(Console(file=sys.stderr)) as progress:
        yield progress


def memory_bytes() -> int | None:
    """
    Resident memory of this process and all below it; a page that several share counts for each. None where there is no /proc.
    """
    resident: dict[int, int] = {}
    parents: dict[int, int] = {}
    try:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                _read_process(int(folder.name), parents, resident)
    except OSError:
        return None
    if os.getpid() not in resident:
        return None
    return sum(pages for pid, pages in resident.items() if _is_below(pid, parents)) * PAGE_BYTES


def _read_process(pid: int, parents: dict[int, int], resident: dict[int, int]) -> None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:  # it has ended since it was listed
        return
    parents[pid], resident[pid] = int(fields[1]), int(fields[21])


def _is_below(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != os.getpid():
        pid = parents[pid]
    return pid == os.getpid()
