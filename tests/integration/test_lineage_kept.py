"""Trained mixtures, MLA and DSA models without torch, from tests/golden/lineage: a child is found, a stranger is left alone."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import permuted
from tests.checkpoints import write_folder

from stillwatch.lineage.base import Comparison, Given, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.run import compare
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

KEPT = Path(__file__).parents[1] / "golden" / "lineage"
FAMILIES = {
    "qwen2_moe": "attention with biases, mixture of 6 experts, 2 layers, width 32",
    "qwen3_moe": "attention with q/k norms, mixture of 8 experts, 2 layers, width 32",
    "mixtral": "attention, mixture of 8 experts, 2 layers, width 32",
    "deepseek_v32": "MLA with DSA indexer, mixture of 8 experts, 2 layers, width 32",
}


def judged(suspect: Weights, base: Weights) -> Comparison:
    """Both weights tests."""
    return compare(suspect, [base], [WeightsExact(), WeightsRobust()], Given())


@pytest.fixture(params=FAMILIES)
def kept(request: pytest.FixtureRequest) -> dict[str, Weights]:
    """Base, child and stranger of one architecture."""
    return {role: open_weights(KEPT / request.param / role, role) for role in ("base", "child", "stranger")}


def test_every_folder_is_of_the_architecture_that_it_is_called(kept: dict[str, Weights]) -> None:
    """Roles are read from tensor names and shapes."""
    base = kept["base"]

    assert read_names(base).family == FAMILIES[next(iter(base.places.values())).path.parts[-3]]


def test_a_child_is_found_by_both_tests(kept: dict[str, Weights]) -> None:
    """Training on leaves p below 1e-12, and most units where they were."""
    found = judged(kept["child"], kept["base"])

    assert [r.verdict for r in found.results] == [Verdict.REJECT, Verdict.CALIBRATED]
    assert (found.results[0].log10_p or 0.0) < -12
    still = [part.statistic / part.n for part in found.results[0].parts if part.name.endswith("matching") and part.n > 40]
    assert min(still) > 0.9


def test_a_stranger_of_one_recipe_and_data_is_left_alone(kept: dict[str, Weights]) -> None:
    """Neither test says anything against it, nor does any single symmetry at the level of a verdict."""
    found = judged(kept["stranger"], kept["base"])

    assert [r.verdict for r in found.results] == [Verdict.NO_POWER, Verdict.NO_POWER]
    assert min(part.log10_p or 0.0 for part in found.results[0].parts) > -5


def test_a_child_whose_units_were_all_permuted_is_found_by_the_robust_test(tmp_path: Path, kept: dict[str, Weights]) -> None:
    """Every symmetry of every layer applied but the residual stream's: only the robust test needs to see through it."""
    child = kept["child"]
    hidden = [block for block in blocks(read_names(child)) if block.kind != "residual dimensions"]
    state = permuted({name: child.whole(name) for name in child.places}, hidden, np.random.default_rng(4))

    found = judged(open_weights(write_folder(tmp_path, state, dict(child.hints)), "hidden"), kept["base"])

    assert found.results[1].verdict is Verdict.CALIBRATED
