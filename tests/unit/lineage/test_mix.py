"""Shares of a merge."""

from pathlib import Path

import pytest
from benchmarks.quality.lineage.children import merged, noisy
from tests.checkpoints import LATENT, LLAMA, MIXTURE, Config, State, random_state, write_folder

from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.mix import Mix
from stillwatch.lineage.weights import Weights, open_weights


def opened(tmp_path: Path, name: str, state: State, config: Config) -> Weights:
    """A state as an operand."""
    return open_weights(write_folder(tmp_path / name, state, config), name)


@pytest.mark.parametrize("config", [LLAMA, MIXTURE, LATENT], ids=["llama", "mixture", "latent"])
def test_shares_are_recovered_with_their_intervals(tmp_path: Path, config: Config) -> None:
    """
    A noisy three-way merge gives its shares back within 0.01, one result a base, with a strip over layers.
    """
    states = [random_state(config, i) for i in range(3)]
    suspect = opened(tmp_path, "s", noisy(merged(states, [0.6, 0.3, 0.1]), 0.02, 9), config)
    bases = [opened(tmp_path, f"b{i}", state, config) for i, state in enumerate(states)]

    found = [r for r in Mix().run(suspect, bases, Given()) if isinstance(r, Result)]

    assert [r.statistic for r in found] == pytest.approx([0.6, 0.3, 0.1], abs=0.01)
    assert {r.verdict for r in found} == {Verdict.COMPATIBLE}
    assert all(r.log10_p is None for r in found)
    assert (
        "has share 0.600" in found[0].sentence or "has share 0.59" in found[0].sentence or "has share 0.60" in found[0].sentence
    )
    assert len(found[0].pictures) == 1


def test_strangers_explain_nothing(tmp_path: Path) -> None:
    """
    Unrelated bases give no shares, and the result says so.
    """
    a, b, c = (opened(tmp_path, str(i), random_state(LLAMA, i), LLAMA) for i in range(3))

    found = list(Mix().run(a, [b, c], Given()))

    assert all(isinstance(r, Result) and r.verdict is Verdict.NO_POWER for r in found)
    assert all(isinstance(r, Result) and r.sentence.startswith("No weighted sum of these bases explains") for r in found)


def test_what_cannot_be_mixed_is_skipped(tmp_path: Path) -> None:
    """
    A single base, and models of other depths or shapes, each with the reason.
    """
    narrow = {"vocab_size": 96, "hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
    narrow |= {"num_key_value_heads": 1, "head_dim": 4}
    shallow = LLAMA | {"num_hidden_layers": 2}
    a, b = (opened(tmp_path, str(i), random_state(LLAMA, i), LLAMA) for i in range(2))
    c, d = (opened(tmp_path, n, random_state(k, 5), k) for n, k in (("c", narrow), ("d", shallow)))

    reasons = [[r.reason for r in Mix().run(a, bases, Given()) if isinstance(r, Skipped)] for bases in ([b], [b, c], [b, d])]

    assert reasons == [
        ["a merge needs at least two bases to be told apart"],
        ["suspect and bases have no layer in common shapes"] * 2,
        ["suspect and bases have no layer in common shapes"] * 2,
    ]


def test_a_base_without_a_share_is_excluded(tmp_path: Path) -> None:
    """
    Beside the true parent a stranger's share is nothing, and its interval says so.
    """
    states = [random_state(LLAMA, i) for i in range(2)]
    suspect = opened(tmp_path, "s", noisy(states[0], 0.05, 9), LLAMA)

    found = list(Mix().run(suspect, [opened(tmp_path, f"b{i}", s, LLAMA) for i, s in enumerate(states)], Given()))

    assert [r.verdict for r in found if isinstance(r, Result)] == [Verdict.COMPATIBLE, Verdict.EXCLUDED]
