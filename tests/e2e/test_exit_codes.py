"""What programs rely on: exit codes, what goes to stdout and what to stderr, and that --quiet and NO_COLOR are honoured."""

import os
import pty
import re
import subprocess
from pathlib import Path

import jsonschema
import orjson
import pytest
from tests.commands import KEY, PROGRAM, Here, assert_sound, own_home, program
from tests.golden import make

from stillwatch.records.campaign import published_schema


def test_found_is_three_and_fail_on_moves_it(stillwatch: Here, tmp_path: Path) -> None:
    """A campaign that is likely gives 3, also from `watched` on, and 0 where nothing is to fail."""
    codes = {
        on: stillwatch.scan(make.LOG, "--out", tmp_path / "out", "--resume", "--fail-on", on).code
        for on in ("likely", "watched", "never")
    }

    assert codes == {"likely": 3, "watched": 3, "never": 0}


def test_json_is_the_document_and_nothing_else(stillwatch: Here, tmp_path: Path) -> None:
    """With -o json stdout is campaigns.json, as the schema has it."""
    said = stillwatch.scan(make.LOG, "--out", tmp_path / "out", "-o", "json")

    assert_sound(said)
    told = orjson.loads(said.out)
    jsonschema.Draft202012Validator(orjson.loads(published_schema())).validate(told)
    assert told == orjson.loads((tmp_path / "out/campaigns.json").read_bytes())


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "log.jsonl"),
        ("scan", "log.jsonl", "--out", "out", "--fail-on", "guilty"),
        ("scan", "log.jsonl", "--out", "out", "--workers", "0"),
        ("scan", "log.jsonl", "--out", "out", "-o", "yaml"),
        ("scna", "log.jsonl"),
        ("explain", "no-such-folder", "c-1"),
        ("--no-such-option",),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_two(stillwatch: Here, arguments: tuple[str, ...]) -> None:
    """What cannot be meant is told with the usage, and exit code 2."""
    said = stillwatch(*arguments)

    assert_sound(said)
    assert said.code == 2
    assert said.out == ""


def test_a_wrong_setting_is_one(stillwatch: Here, tmp_path: Path) -> None:
    """A settings file with an unknown key is an error that names the nearest known one."""
    (tmp_path / "stillwatch.toml").write_text("[campaigns]\nmin_acounts = 3\n")

    said = stillwatch.scan(make.LOG, "--out", tmp_path / "out", "--config", tmp_path / "stillwatch.toml")

    assert_sound(said)
    assert said.code == 1
    assert "Did you mean campaigns.min_accounts?" in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"short", None], ids=["empty", "too short", "missing"])
def test_a_bad_key_is_one(stillwatch: Here, tmp_path: Path, content: bytes | None) -> None:
    """A key file that cannot be a key ends the run before anything is written."""
    if content is not None:
        (tmp_path / "bad").write_bytes(content)

    said = stillwatch("scan", make.LOG, "--out", tmp_path / "out", "--key-file", tmp_path / "bad")

    assert_sound(said)
    assert said.code == 1
    assert "key" in said.err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_else_is_one(stillwatch: Here, tmp_path: Path) -> None:
    """Where other files lie, nothing is written or removed."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")

    said = stillwatch.scan(make.LOG, "--out", tmp_path / "out")

    assert_sound(said)
    assert said.code == 1
    assert "thesis.txt" in said.err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_results_somebody_changed_are_one(stillwatch: Here, tmp_path: Path) -> None:
    """`verify` says which figure does not follow from the store."""
    stillwatch.scan(make.LOG, "--out", tmp_path / "out")
    path = tmp_path / "out/campaigns.json"
    path.write_bytes(path.read_bytes().replace(b'"n_exchanges": 4800', b'"n_exchanges": 4801'))

    said = stillwatch("verify", tmp_path / "out")

    assert_sound(said)
    assert said.code == 1
    assert "4801" in said.out
    assert "n_exchanges" in said.out


@pytest.mark.parametrize("command", [("verify",), ("explain", "c-0")], ids=lambda c: c[0])
def test_no_results_folder_is_four(stillwatch: Here, tmp_path: Path, command: tuple[str, ...]) -> None:
    """What is no results folder is told as such."""
    (tmp_path / "empty").mkdir()

    said = stillwatch(command[0], tmp_path / "empty", *command[1:])

    assert_sound(said)
    assert said.code == 4


def test_quiet_says_results_and_no_more(tmp_path: Path) -> None:
    """With --quiet stderr is empty; the results stand on stdout."""
    (tmp_path / "key").write_bytes(KEY)

    said = program("scan", make.LOG, "--out", tmp_path / "out", "--key-file", tmp_path / "key", "--quiet", home=tmp_path)

    assert_sound(said)
    assert said.code == 3
    assert said.err == ""
    assert "likely" in said.out


def test_styles_are_for_terminals_and_colours_for_those_who_want_them(stillwatch: Here, tmp_path: Path) -> None:
    """A terminal gets bold headings, with NO_COLOR no colour; what is sent to a file gets neither."""
    stillwatch.scan(make.LOG, "--out", tmp_path / "out")
    campaign = orjson.loads((tmp_path / "out/campaigns.json").read_bytes())["campaigns"][0]["campaign_id"]
    asked = [str(PROGRAM), "explain", str(tmp_path / "out"), campaign]
    home = {k: v for k, v in own_home(tmp_path).items() if k not in ("NO_COLOR", "FORCE_COLOR")} | {"TERM": "xterm-256color"}

    screen = on_a_terminal(asked, home)
    plain = on_a_terminal(asked, home | {"NO_COLOR": "1"})
    piped = subprocess.run(asked, env=home, capture_output=True, check=True).stdout

    assert campaign.encode() in screen
    assert b"\x1b[1m" in screen
    assert not re.search(rb"\x1b\[(\d+;)*([349]\d|10\d)", plain)
    assert b"\x1b" not in piped


def on_a_terminal(asked: list[str], environment: dict[str, str]) -> bytes:
    """What a program prints where stdout is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(asked, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # the other side has closed
            pass
        assert process.wait() == 0
    os.close(ours)
    return seen


def test_help_is_there_for_every_command() -> None:
    """`--help` of the program names the commands and ends well, at once."""
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True)

    assert "scan" in done.stdout
    assert done.stderr == ""
