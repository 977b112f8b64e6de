"""What commands print."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import orjson
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stillwatch.cli import output

COLUMNS = ("name", "n", "share", "at", "note")
ROWS: Sequence[Sequence[object]] = [
    ("plain", 1_200, 0.25, datetime(2026, 11, 3, 7, tzinfo=UTC), None),
    ("=cmd()\x1b[31m\u202e", 7, 1.0, datetime(2026, 11, 4, tzinfo=UTC), "[red]x[/red]"),
]


def printed(capsysbinary: pytest.CaptureFixture[bytes], kind: str) -> bytes:
    output.records(kind, COLUMNS, ROWS)
    return capsysbinary.readouterr().out


def test_a_table_is_for_people(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Thousands are grouped, absent values are a dash, hidden characters are codes, markup is text."""
    text = printed(capsysbinary, "table").decode()

    assert "1,200" in text
    assert "2026-11-03 07:00" in text
    assert "=cmd()⟨U+001B⟩[31m⟨U+202E⟩" in text
    assert "[red]x[/red]" in text
    assert "\x1b" not in text


def test_a_piped_table_is_not_cut(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Where stdout is no terminal a long cell stays on its line."""
    output.table(("words",), [("w " * 150,)])

    assert len(capsysbinary.readouterr().out.decode().strip().splitlines()) == 3


def test_a_narrow_terminal_tears_no_id(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """At 60 columns sentences fold between words and headers stack; ids stay whole, and with room for it so do lines."""
    monkeypatch.setattr(output, "PIPED_WIDTH", 60)
    digest = "c-0d4b2239b233"

    output.table(
        ("campaign", "accounts of it", "what it says", "first seen"),
        [(digest, "1,204", "Two accounts send the same filling as often as chance would have it.", "2026-09-02 23:07")],
    )

    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert sum(digest in line for line in lines) == 1
    assert max(map(len, lines)) <= 60
    assert all(word in " ".join(" ".join(lines).split()) for word in ("accounts", "filling", "2026-09-02", "23:07"))


def test_a_table_too_wide_for_its_terminal_is_wider(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Where even whole ids do not fit, the line is longer than the terminal, and no id is torn."""
    monkeypatch.setattr(output, "PIPED_WIDTH", 30)

    output.table(("a", "b", "c"), [("0123456789abcdef",) * 3])

    assert "0123456789abcdef  0123456789abcdef  0123456789abcdef" in capsysbinary.readouterr().out.decode()


def test_an_empty_table_is_nothing(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """No rows, no header."""
    output.table(COLUMNS, [])

    assert capsysbinary.readouterr().out == b""


def test_numbers_stand_to_the_right_and_digests_to_the_left(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A column of numbers is aligned by its last digit, a digest that happens to be all digits is not."""
    output.table(("id", "count"), [("0000000000000051", "9"), ("0000000000000052", "1,200")])

    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert lines[-3].rstrip().endswith("    9")
    assert lines[-3].lstrip().startswith("0000000000000051")


def test_json_and_ndjson_hold_the_values(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Programs get exact strings and numbers, times in UTC, one list or one object a line."""
    whole = orjson.loads(printed(capsysbinary, "json"))
    lines = [orjson.loads(line) for line in printed(capsysbinary, "ndjson").splitlines()]

    assert whole == lines
    assert whole[1]["name"] == "=cmd()\x1b[31m\u202e"
    assert whole[0]["at"] == "2026-11-03T07:00:00.000000Z"
    assert whole[0]["note"] is None


def test_csv_holds_no_formula(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Cells of text are safe to open in a spreadsheet; numbers stay numbers."""
    rows = list(csv.reader(io.StringIO(printed(capsysbinary, "csv").decode(), newline="")))

    assert rows[0] == list(COLUMNS)
    assert rows[1] == ["plain", "1200", "0.25", "2026-11-03T07:00:00.000000Z", ""]
    assert rows[2][0] == "'=cmd()⟨U+001B⟩[31m⟨U+202E⟩"


def test_parquet_goes_to_a_pipe(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The bytes on stdout are a Parquet file of the rows."""
    table = pq.read_table(io.BytesIO(printed(capsysbinary, "parquet")))

    assert table.column_names == list(COLUMNS)
    assert table["n"].to_pylist() == [1_200, 7]


def test_parquet_is_refused_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Binary on a terminal is a usage error that says what to type."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    with pytest.raises(click.UsageError, match="Send it to a file"):
        output.records("parquet", COLUMNS, ROWS)


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR set the terminal gets no colour."""
    monkeypatch.setenv("NO_COLOR", "1")

    assert output.console().no_color


def test_sentences_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """What is said to the person does not mix with data."""
    output.say("done\x1b[2J")

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "done⟨U+001B⟩[2J\n")


def test_the_option_names_the_formats_of_its_command() -> None:
    """The first format is the default, and others are refused."""

    @click.command()
    @output.output_option("table", "json")
    def command(kind: str) -> None:
        click.echo(kind)

    assert CliRunner().invoke(command).output == "table\n"
    assert CliRunner().invoke(command, ["-o", "json"]).output == "json\n"
    assert CliRunner().invoke(command, ["-o", "csv"]).exit_code == 2


@pytest.mark.parametrize(("value", "said"), [(True, "yes"), (False, "no"), (None, "–"), (0.12345, "0.123"), (-3, "-3")])
def test_values_are_spoken(value: object, said: str) -> None:
    """Truth, absence and numbers read as a person writes them."""
    assert output.spoken(value) == said
