"""`stillwatch inspect` as its user runs it."""

import shutil
from pathlib import Path

import click
import orjson
import pytest
from click.testing import CliRunner

from stillwatch.cli import main

GOLDEN = Path(__file__).parent.parent / "golden" / "logs"


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command line."""
    runner = CliRunner(env={"COLUMNS": "140", "NO_COLOR": "1"})

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def through(rest: tuple[str, ...]) -> None:
        main.main(list(rest))

    result = runner.invoke(through, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", ["exchanges", "litellm", "pairs"])
def test_each_golden_log_is_recognised_and_described(name: str) -> None:
    """
    The screen names the format, the tier, the coverage and what can be seen.
    """
    code, out, err = run("inspect", str(GOLDEN / f"{name}.jsonl"))

    assert code == 0, err
    assert f"{name} lines" in out
    assert "Tier T2: full text" in out
    assert "account_id" in out
    assert "no: lacks" in out or name == "exchanges"


def test_json_has_the_same_and_nothing_else_on_standard_output() -> None:
    """
    A program can read it.
    """
    code, out, _ = run("inspect", "-o", "json", str(GOLDEN / "pairs.jsonl"))

    told = orjson.loads(out)
    assert code == 0
    assert told["schema_version"] == 1
    assert told["tier"] == "T2"
    assert told["files"][0]["format"] == "pairs"
    assert {c["column"]: c["share"] for c in told["columns"]}["account_id"] == 1.0
    assert {e["detector"] for e in told["evidence"] if e["lacks"]} >= {"payment_collisions"}


def test_a_stranger_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """
    Column names and paths with escapes, bidirectional overrides and line breaks are made visible.
    """
    row = {"exchange_id": "x", "seen_at": 1, "account_id": "a", "model": "m", "\x1b]0;owned\x07\u202ename\n": 1, "[red]markup": 1}
    (tmp_path / "log\x1b[31m").write_bytes(orjson.dumps(row))

    code, out, _ = run("inspect", str(tmp_path / "log\x1b[31m"))

    assert code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "⟨U+202E⟩name" in out
    assert "[red]markup" in out


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("picture.jsonl", b"\x89PNG\r\n\x1a\n", "is a picture"),
        ("page.jsonl", b"<html></html>", "is a web page"),
        ("table.csv", b"name,age,city\nx,1,y\n", "looks like CSV"),
        ("empty.jsonl", b"", "is empty"),
        ("other.jsonl", b'{"a": 1}\n', "of no format Stillwatch knows"),
        (
            "bad.jsonl",
            b'{"exchange_id": "x", "seen_at": "soon", "account_id": "a", "model": "m"}\n',
            "1 of 1 lines could not be read",
        ),
    ],
)
def test_what_is_no_log_ends_with_code_four_and_a_sentence(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    """
    Nothing on standard output, one sentence on standard error.
    """
    (tmp_path / name).write_bytes(data)

    code, out, err = run("inspect", str(tmp_path / name))

    assert (code, out) == (4, "")
    assert says in err
    assert err.count("\n") == 1


def test_a_missing_path_and_a_missing_argument_differ(tmp_path: Path) -> None:
    """
    Code 4 for an input that is not there, 2 for a command that is not one.
    """
    assert run("inspect", str(tmp_path / "gone"))[0] == 4
    assert run("inspect")[0] == 2


def test_a_folder_lists_what_it_left_out_and_how_lines_failed(tmp_path: Path) -> None:
    """
    Many files are summed up, strange ones and bad lines are named.
    """
    for i in range(15):
        shutil.copy(GOLDEN / "exchanges.jsonl", tmp_path / f"{i:02d}.jsonl")
    with (tmp_path / "00.jsonl").open("ab") as log:
        log.write(b"broken\n")
    (tmp_path / "readme.txt").write_text("hello")

    code, out, _ = run("inspect", "--all", str(tmp_path))

    assert code == 0
    assert "… and 3 more files" in out
    assert "readme.txt: is neither Parquet nor JSON" in out
    assert "00.jsonl:11: is not JSON" in out
    assert "140 rows repeat an exchange_id" in out
