"""`stillwatch lineage tree` on a folder of checkpoints, as its user runs it."""

import json
from pathlib import Path

import pytest
from benchmarks.quality.lineage.children import noisy, pruned
from tests.checkpoints import LLAMA, random_state, write_folder

from stillwatch.cli.main import main

CONFIG = LLAMA | {"hidden_size": 32, "intermediate_size": 128}


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A base with two children, a stranger and a pickle."""
    state = random_state(CONFIG, 1)
    for name, child in (
        ("base", state),
        ("tuned", noisy(state, 0.3, 9)),
        ("pruned", pruned(state, 0.5)),
        ("other", random_state(CONFIG, 2)),
    ):
        write_folder(tmp_path / "zoo" / name, child, CONFIG)
    (tmp_path / "zoo" / "bad").mkdir()
    (tmp_path / "zoo" / "bad" / "model.safetensors").write_bytes(b"PK\x03\x04")
    return tmp_path / "zoo"


def run(*arguments: object) -> int:
    """Exit code of the command line."""
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    return int(ended.value.code or 0)


def test_a_folder_becomes_a_page_a_picture_and_json(zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    The table tells the families; with --out there are four files that agree.
    """
    code = run("lineage", "tree", zoo, "--out", tmp_path / "out")

    printed = capsys.readouterr().out
    told = json.loads((tmp_path / "out" / "tree.json").read_text())
    assert code == 0
    assert "a zip archive" in printed
    assert told["roots"] == [{"name": "base", "n_descendants": 2}, {"name": "other", "n_descendants": 0}]
    assert {(e["parent"], e["child"]) for e in told["edges"]} == {("base", "tuned"), ("base", "pruned")}
    for name in ("tree.html", "tree.svg", "tree.dot"):
        assert "tuned" in (tmp_path / "out" / name).read_text()


def test_json_goes_to_stdout_alone(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    With -o json stdout is one JSON value.
    """
    assert run("lineage", "tree", zoo, "-o", "json") == 0

    assert json.loads(capsys.readouterr().out)["n_pairs"] == 6


def test_a_folder_without_checkpoints_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    An error names the folder and what is looked for.
    """
    assert run("lineage", "tree", tmp_path) == 1

    assert "holds no checkpoints" in capsys.readouterr().err
