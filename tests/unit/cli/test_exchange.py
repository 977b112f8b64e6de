"""The commands that keep an exchange: what they print, where they keep it, and how they fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.cli.main import main
from stillwatch.sharing.taxii import audit, database


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`stillwatch exchange …` over the store that the environment names; gives exit code, stdout, stderr."""
    monkeypatch.setenv("STILLWATCH_EXCHANGE_STORE", str(tmp_path / "exchange.db"))

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["exchange", *arguments])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


def test_from_nothing_to_a_key(run: Any, tmp_path: Path) -> None:
    """A collection with what every bundle refers to, a quarantined member, a key that stands nowhere else."""
    collection = run("collection", "add", "Campaigns", "--alias", "campaigns")[1].strip()
    run("member", "add", "ada")
    key = run("key", "add", "ada", "--days", "30")[1].strip()

    listed = json.loads(run("member", "list", "-o", "json")[1])
    keys = run("key", "list", "ada", "-o", "json")[1]

    assert (tmp_path / "exchange.db").is_file()
    assert json.loads(run("collection", "list", "-o", "json")[1])[0]["collection"] == collection
    assert [(row["member"], row["quarantined"]) for row in listed] == [("ada", True)]
    assert key.split("_")[1] in keys
    assert key not in keys
    actions = [line.entry.action for line in audit.lines(database.connect(str(tmp_path / "exchange.db")), 0, 100)]
    assert actions == ["collection-add", "write", "member-add", "key-add"]


def test_a_member_is_changed_option_by_option(run: Any) -> None:
    """What is not named stays as it was."""
    run("member", "add", "ada", "--clearance", "amber")
    run("member", "set", "ada", "--trusted", "--posts-a-minute", "5")
    run("member", "set", "ada", "--certificate", "ab" * 32)
    run("member", "set", "ada", "--certificate", "none", "--disabled")

    (row,) = json.loads(run("member", "list", "-o", "json")[1])

    assert (row["clearance"], row["quarantined"], row["disabled"], row["certificate"]) == ("amber", False, True, None)
    assert (row["posts_a_minute"], row["gets_a_minute"]) == (5, 600)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("key", "add", "nobody"), 1, "no member"),
        (("key", "revoke", "00000000"), 1, "no live key"),
        (("member", "add", "Ada"), 1, "name"),
        (("member", "add", "ada", "--role", "king"), 2, "role"),
        (("collection", "grant", "ada", "nowhere"), 1, "no one collection"),
        (("review", "accept", "x"), 1, "nothing waits"),
        (("audit", "verify", "--head", "xyz"), 2, "hex"),
        (("audit", "verify", "--head", "00"), 1, "does not contain"),
        (("serve", "--host", "0.0.0.0"), 1, "clear"),
        (("peer", "remove", "east"), 1, "no peer"),
    ],
)
def test_errors_are_one_sentence(run: Any, arguments: tuple[str, ...], code: int, word: str) -> None:
    """Exit code 1 with what to do, 2 for usage; no traceback."""
    got = run(*arguments)

    assert got[0] == code
    assert word in got[2]
    assert "Traceback" not in got[2]


def test_an_altered_log_is_exit_code_1(run: Any, tmp_path: Path) -> None:
    """`audit verify` names the line."""
    run("member", "add", "ada")
    good = run("audit", "verify")
    with database.connect(str(tmp_path / "exchange.db")).write() as transaction:
        transaction.run("UPDATE audit SET member = 'ben' WHERE seq = 1")

    assert good[0] == 0
    assert run("audit", "verify")[0] == 1
    assert "line 1" in run("audit", "verify")[2]


def test_keys_of_tokens_live_in_a_folder_of_their_own(run: Any, tmp_path: Path) -> None:
    """Made, listed by their public side, destroyed."""
    keys = ("--keys", str(tmp_path / "keys"))
    public = run("tokens", "add", "2026q4", *keys)[1].strip()

    listed = json.loads(run("tokens", "list", *keys, "-o", "json")[1])
    run("tokens", "destroy", "2026q4", *keys)

    assert [(row["epoch"], row["public_key"]) for row in listed] == [("2026q4", public)]
    assert list((tmp_path / "keys").iterdir()) == []
