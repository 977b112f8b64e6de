"""
Strangers: tiny Llamas of one recipe, trained on the same data in the same order from different seeds. No pair is related.

    python -m benchmarks.quality.lineage.strangers MODELS [--write-panel]

Trains two sets of models into the folder MODELS (once; about ten CPU-minutes). The first makes the panel of the robust test, the
second, never seen by it, is judged by every weights test: 0 pairs may be called related, and exact p-values must be uniform.
"""

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, begin, corpus, one, save, train
from scipy.stats import kstest

from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.panel import PanelScore, panel_bytes
from stillwatch.lineage.run import compare
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

SCENARIO = "quality.lineage-strangers"
PANEL_SEEDS, JUDGED_SEEDS = range(1000, 1046), range(2000, 2046)
STACK = 23  # models trained at once
SHIPPED = Path(__file__).parents[3] / "src" / "stillwatch" / "lineage" / "panel.json"


def trained(seeds: range, folder: Path) -> list[Weights]:
    """Models of these seeds; trained where the folder does not hold them yet."""
    shape = Shape()
    lost = [seed for seed in seeds if not (folder / str(seed) / "model.safetensors").is_file()]
    for start in range(0, len(lost), STACK):
        some = lost[start : start + STACK]
        stack, loss = train(begin(shape, some), shape, Recipe(), corpus())
        print(f"seeds {some[0]}..{some[-1]}: {loss:.3f} nats a byte")
        for i, seed in enumerate(some):
            save(one(stack, i), shape, folder / str(seed))
    return [open_weights(folder / str(seed), str(seed)) for seed in seeds]


def panel_scores(models: list[Model]) -> Iterator[PanelScore]:
    """Scores of the robust test on every pair."""
    test = WeightsRobust()
    for a, b in combinations(models, 2):
        score = test.score(a, b, seed=1)
        if score is not None:
            yield PanelScore(test.name, "llama", "same data and order, other seed; 0.2 M parameters", round(score, 4))


def judged(models: list[Weights]) -> Iterator[Result]:
    """Every weights test on every pair, each pair judged as a run of its own."""
    for number, (a, b) in enumerate(combinations(models, 2)):
        yield from compare(a, [b], [WeightsExact(), WeightsRobust()], Given(seed=number)).results


def main() -> None:
    """Train what is missing, make the panel, judge the other set, append the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("--write-panel", action="store_true")
    told = parser.parse_args()
    if told.write_panel:
        scores = tuple(panel_scores([read_names(w) for w in trained(PANEL_SEEDS, told.models)]))
        SHIPPED.write_bytes(panel_bytes(scores))
    results = list(judged(trained(JUDGED_SEEDS, told.models)))
    exact = [r for r in results if r.test == WeightsExact.name]
    robust = [r for r in results if r.test == WeightsRobust.name]
    rows = {part.name for r in exact for part in r.parts if part.name.endswith("trace")}
    numbers: dict[str, float | int] = {
        "n_pairs": len(exact),
        "called_exact": sum(r.verdict is Verdict.REJECT for r in exact),
        "called_robust": sum(r.verdict is Verdict.CALIBRATED for r in robust),
        "exact_below_05": sum(r.log10_p is not None and 10**r.log10_p < 0.05 for r in exact) / len(exact),
        "robust_largest_score": max(r.statistic or 0.0 for r in robust),
        "robust_median_score": float(np.median([r.statistic or 0.0 for r in robust])),
    }
    for row in sorted(rows):
        p = np.array([10.0 ** (part.log10_p or 0.0) for r in exact for part in r.parts if part.name == row])
        numbers |= {f"{row} ks_p": float(kstest(p, "uniform").pvalue), f"{row} below_05": float((p < 0.05).mean())}
        numbers |= {f"{row} below_01": float((p < 0.01).mean())}
    record(SCENARIO, numbers)


if __name__ == "__main__":
    main()
