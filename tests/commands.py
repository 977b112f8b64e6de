"""The command line, run as its user runs it: in this process where that is the same, else as the installed program."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stillwatch.cli.main import main
from stillwatch.pipeline import QUARANTINE, RESULTS, STORE

PROGRAM = Path(sys.executable).with_name("stillwatch")
KEY = b"a key for tests, not a secret..."
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left: its exit code, and what it printed."""

    code: int
    out: str
    err: str


class Here:
    """Runs commands in this process; `captured` is what they print."""

    def __init__(self, captured: pytest.CaptureFixture[str], key: Path) -> None:
        self._captured = captured
        self._key = key
        key.write_bytes(KEY)

    def __call__(self, *arguments: str | Path) -> Said:
        """Run one command."""
        self._captured.readouterr()
        with pytest.raises(SystemExit) as exited:
            main([str(a) for a in arguments])
        told = self._captured.readouterr()
        assert isinstance(exited.value.code, int)
        return Said(exited.value.code, told.out, told.err)

    def scan(self, *arguments: str | Path) -> Said:
        """`scan` in one process, under the key of the tests."""
        return self("scan", *arguments, "--key-file", self._key, "--workers", "1")


def program(*arguments: str | Path, home: Path, **environment: str) -> Said:
    """The installed program in a process of its own, with a home of its own."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False, env=own_home(home) | environment
    )
    return Said(done.returncode, done.stdout, done.stderr)


def own_home(home: Path) -> dict[str, str]:
    """This environment, with another home, so that no test touches the person's own key."""
    return {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}


def assert_sound(said: Said, secrets: tuple[str, ...] = ()) -> None:
    """A command said what it had to say: no traceback, nothing of anyone's text, nothing that drives a terminal."""
    for text in (said.out, said.err):
        assert "Traceback" not in text
        assert not CONTROL.search(text), CONTROL.search(text)
        for secret in secrets:
            assert secret not in text
    if said.code in (1, 2, 4):
        assert len((said.err + said.out).strip()) > 20


def assert_clean(folder: Path, whole: bool = True) -> None:
    """A results folder holds results and nothing half-written; `whole` where the scan came to its end."""
    names = {p.name for p in folder.iterdir()}
    assert names <= {*RESULTS, STORE, QUARANTINE}
    assert not [p for p in folder.rglob("*") if p.name.endswith(".tmp") or p.name == "spill"]
    if whole:
        assert names >= {*RESULTS, STORE}
    else:
        assert not names & set(RESULTS)
