"""A folder of checkpoints as a forest."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import neurons_permuted, noisy, pruned, signed_order, stream_turned, with_layers
from safetensors.numpy import save_file
from tests.checkpoints import LLAMA, random_state, write_folder, write_gguf

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Given
from stillwatch.lineage.tree import Forest, checkpoints, grow

CONFIG = LLAMA | {"hidden_size": 32, "intermediate_size": 128}


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Forest:
    """Two families, a stranger, and folders that cannot be read."""
    folder = tmp_path_factory.mktemp("zoo")
    for family in range(2):
        state = random_state(CONFIG, family)
        tuned = noisy(state, 0.3, family + 100)
        made = {
            "base": state,
            "tuned": tuned,
            "tuned-again": noisy(tuned, 0.3, family + 110),
            "other": noisy(state, 0.3, family + 120),
            "third": noisy(state, 0.3, family + 130),
            "pruned": pruned(state, 0.5),
            "short": with_layers(state, [0, 2]),
            "hidden": stream_turned(neurons_permuted(state, 1), signed_order(32, 2)),
        }
        for name, child in made.items():
            write_folder(folder / f"{family}-{name}", child, CONFIG)
        write_gguf(folder / f"{family}-q4.gguf", tuned, CONFIG, "Q4_0")
    write_folder(folder / "stranger", random_state(CONFIG, 7), CONFIG)
    (folder / "pickled").mkdir()
    (folder / "pickled" / "model.safetensors").write_bytes(pickle.dumps({}))
    biased = {f"model.layers.{i}.mlp.gate_proj.bias": np.ones(128, dtype=np.float32) for i in range(3)}
    write_folder(folder / "unknown", random_state(CONFIG, 8) | biased, CONFIG)
    (folder / "notes.txt").write_text("nothing to see")
    return grow(folder, Given())


def test_families_are_found_with_their_roots(forest: Forest) -> None:
    """
    Each family hangs from its base, the stranger stands alone.
    """
    assert forest.roots == (("0-base", 8), ("1-base", 8), ("stranger", 0))
    assert {edge.parent[0] == edge.child[0] for edge in forest.edges} == {True}


def test_each_child_hangs_from_what_it_was_made_of(forest: Forest) -> None:
    """
    Fine-tunes of fine-tunes and quantised fine-tunes hang from the fine-tune, all else from the base.
    """
    parents = {edge.child: edge.parent for edge in forest.edges}

    for family in "01":
        assert parents[f"{family}-tuned-again"] == parents[f"{family}-q4.gguf"] == f"{family}-tuned"
        assert {parents[f"{family}-{name}"] for name in ("tuned", "other", "third", "pruned", "short")} == {f"{family}-base"}


def test_edges_carry_the_p_of_their_test(forest: Forest) -> None:
    """
    Exact where units were left in place, calibrated for the disguised; most pairs were never tested.
    """
    for edge in forest.edges:
        assert edge.exact == ("hidden" not in edge.child)
        assert edge.log10_p < (-12 if edge.exact else -2)
    assert forest.n_pairs == 19 * 18 // 2
    assert forest.n_tested < 40


def test_directions_come_with_their_reasons(forest: Forest) -> None:
    """
    What cannot be undone speaks for the direction; kurtosis is told, not judged.
    """
    advice = {edge.child: " · ".join(edge.advice) for edge in forest.edges}

    assert "0% and 50% of weights are zero" in advice["0-pruned"]
    assert "stored in 32 and 4.5 bits a weight" in advice["0-q4.gguf"]
    assert "3 and 2 layers" in advice["0-short"]
    assert advice["0-tuned"].startswith("kurtosis of weights")


def test_what_cannot_be_read_is_named_and_left_out(forest: Forest) -> None:
    """
    One bad checkpoint does not stop the others.
    """
    assert [name for name, _ in forest.unreadable] == ["pickled", "unknown"]
    assert "a Python pickle" in forest.unreadable[0][1]
    assert "no layer has neurons" in forest.unreadable[1][1]


def test_growing_twice_gives_the_same_forest(tmp_path: Path) -> None:
    """
    The seed fixes every choice.
    """
    state = random_state(CONFIG, 1)
    for i in range(3):
        write_folder(tmp_path / str(i), noisy(state, 0.2, i), CONFIG)

    assert grow(tmp_path, Given()).edges == grow(tmp_path, Given()).edges


def test_more_tokens_and_other_depths_speak_against_a_parent(tmp_path: Path) -> None:
    """
    A child that has more layers than the pruned model above it shows as advice against.
    """
    state = random_state(CONFIG, 1)
    grown = CONFIG | {"vocab_size": 100}
    more = dict(state, **{"model.embed_tokens.weight": random_state(grown, 1)["model.embed_tokens.weight"]})
    write_folder(tmp_path / "a", state, CONFIG)
    write_folder(tmp_path / "b", noisy(more, 0.1, 2), grown)

    edge = grow(tmp_path, Given()).edges[0]

    assert any(told.removeprefix("against: ").startswith("vocabularies of") for told in edge.advice)


def test_checkpoints_are_folders_files_and_first_parts(tmp_path: Path) -> None:
    """
    Later parts of a split model are not checkpoints of their own.
    """
    write_folder(tmp_path / "folder", random_state(LLAMA, 1))
    save_file({"w": np.ones(2, dtype=np.float32)}, tmp_path / "lone.safetensors")
    write_gguf(tmp_path / "whole.gguf", random_state(LLAMA, 1), LLAMA)
    for part in (1, 2):
        (tmp_path / f"m-0000{part}-of-00002.gguf").write_bytes((tmp_path / "whole.gguf").read_bytes())
    (tmp_path / "fake.gguf").write_text("no")

    assert [path.name for path in checkpoints(tmp_path)] == ["folder", "lone.safetensors", "m-00001-of-00002.gguf", "whole.gguf"]


def test_a_folder_without_checkpoints_is_refused(tmp_path: Path) -> None:
    """
    Nothing inside, or no folder at all.
    """
    with pytest.raises(LineageError, match="holds no checkpoints"):
        checkpoints(tmp_path)
    with pytest.raises(LineageError, match="no such folder"):
        checkpoints(tmp_path / "absent")
