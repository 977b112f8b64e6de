"""`stillwatch lineage`: keys go to their own hosts, exit codes, and a bundle that is checked again."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from stillwatch.cli.lineage import command
from stillwatch.methods.keyed_choice import is_green

SECRET = bytes(range(16))


def run(*line: str) -> Result:
    """One call of the command line."""
    return CliRunner().invoke(command, list(line), standalone_mode=False)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A marked suspect, an innocent one, a base, and the base's key."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    words = ["start"]
    for i in range(400):
        one, two = f"w{i % 97}", f"v{i % 89}"
        words.append(one if is_green(SECRET, (words[-1], one), 0.5) else two)
    for name, text in {"suspect": " ".join(words), "innocent": "nothing to see here", "base": "x"}.items():
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"prompt": "p", "output": text}) + "\n")
    key = {"format": "stillwatch.lineage.key/1", "secret": SECRET.hex(), "green_list": {"words": 2, "share": 0.5}}
    (tmp_path / "key.json").write_text(json.dumps(key))
    return tmp_path


def test_descent_shown_is_exit_code_three_and_leaves_four_files(files: Path) -> None:
    """Document, page and bundle are written, and the bundle holds when checked again by its signer's key id."""
    out = files / "out"

    base, key = str(files / "base.jsonl"), str(files / "key.json")

    found = run("test", str(files / "suspect.jsonl"), "--against", base, "--key", key, "--out", str(out))
    again = run("verify", str(out / "lineage.bundle.json"), "-o", "json")

    assert found.return_value == 3
    assert {p.name for p in out.iterdir()} == {"lineage.json", "lineage.html", "lineage.bundle.json"}
    assert again.return_value == 0
    told = {c["what"]: c["outcome"] for c in json.loads(again.stdout)["checks"]}
    assert told.pop("the models themselves") == "not checked"
    assert set(told.values()) == {"holds"}
    assert "could not be made" in again.stderr


def test_a_bundle_is_checked_against_the_models_themselves(files: Path) -> None:
    """Given suspect and base, wherever they lie now, the tests run again on them; other files and addresses are no evidence."""
    out = files / "out"
    run("test", str(files / "suspect.jsonl"), "--against", str(files / "base.jsonl"), "--key", str(files / "key.json"),
        "--out", str(out))  # fmt: skip
    moved = files / "elsewhere.jsonl"
    (files / "suspect.jsonl").rename(moved)
    bundle, base, key = str(out / "lineage.bundle.json"), str(files / "base.jsonl"), str(files / "key.json")

    again = run("verify", bundle, "--suspect", str(moved), "--against", base, "--key", key, "-o", "json")
    swapped = run("verify", bundle, "--suspect", str(files / "innocent.jsonl"), "--against", base, "-o", "json")
    keyless = run("verify", bundle, "--suspect", str(moved), "--against", base, "-o", "json")

    said = {c["what"]: c for c in json.loads(again.stdout)["checks"]}
    assert again.return_value == 0
    assert said[f"text-keyed against {base}, run again"]["outcome"] == "holds"
    assert swapped.return_value == 1
    assert [c["words"] for c in json.loads(swapped.stdout)["checks"] if "run again" in c["what"]] == [
        "none: this is not the suspect"
    ]
    assert "--key was not given" in keyless.stdout
    for line in (("--suspect", str(moved)), ("--suspect", "https://one.invalid/v1#m", "--against", base)):
        assert isinstance(run("verify", bundle, *line).exception, click.UsageError)


def test_no_descent_shown_is_exit_code_zero(files: Path) -> None:
    """With JSON on stdout that has every skipped test with its reason."""
    base, key = str(files / "base.jsonl"), str(files / "key.json")

    found = run("test", str(files / "innocent.jsonl"), "--against", base, "--key", key, "-o", "json")

    assert found.return_value == 0
    tree = json.loads(found.stdout)
    assert {s["test"] for s in tree["skipped"]} >= {"weights-exact", "wire", "order"}


def test_further_bases_may_follow_the_first(files: Path) -> None:
    """`--against A B` and `--against A --against B` are the same."""
    (files / "other.jsonl").write_text((files / "base.jsonl").read_text())
    bases = [str(files / "base.jsonl"), str(files / "other.jsonl")]

    together = run("test", str(files / "innocent.jsonl"), "--against", *bases, "-o", "json")
    apart = run("test", str(files / "innocent.jsonl"), "--against", bases[0], "--against", bases[1], "-o", "json")

    assert json.loads(together.stdout)["bases"] == json.loads(apart.stdout)["bases"] == bases


def test_a_bundle_that_does_not_hold_is_exit_code_one(files: Path) -> None:
    """A file that changed since is named."""
    out = files / "out"
    run("test", str(files / "suspect.jsonl"), "--against", str(files / "base.jsonl"), "--out", str(out))
    (files / "base.jsonl").write_text('{"prompt": "p", "output": "changed"}\n')

    again = run("verify", str(out / "lineage.bundle.json"))

    assert again.return_value == 1
    assert "the file has changed since" in again.stdout


def test_a_key_for_several_hosts_must_say_whose_it_is(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would be sent to a stranger; nothing is sent, and the key is not in the message."""
    monkeypatch.setenv("MINE", "sk-very-secret-0123456789")

    found = run("test", "https://one.invalid/v1#m", "--against", "https://two.invalid/v1#m", "--api-key-env", "MINE")

    assert isinstance(found.exception, click.UsageError)
    assert "HOST=NAME" in str(found.exception)
    assert "very-secret" not in found.output + str(found.exception)


def test_a_variable_that_is_not_set_is_named(files: Path) -> None:
    """A typo in its name is an error before anything is asked."""
    found = run(
        "test", "https://one.invalid/v1#m", "--against", str(files / "base.jsonl"), "--api-key-env", "one.invalid=NOT_THERE"
    )

    assert isinstance(found.exception, click.UsageError)
    assert "NOT_THERE is not set" in str(found.exception)


def test_a_folder_that_cannot_be_written(files: Path) -> None:
    """The error names it."""
    (files / "out").write_text("a file")

    found = run(
        "test", str(files / "innocent.jsonl"), "--against", str(files / "base.jsonl"), "--out", str(files / "out" / "deep")
    )

    assert found.exception is not None
    assert "cannot be written" in str(found.exception)
