"""
Is the null right once models are trained? Every symmetry of every architecture, over pairs that share no model.

    python -m benchmarks.quality.lineage.nulls [--forms NAME...]

For each architecture 400 tiny models of one recipe, trained on the same data in the same order from different seeds, make 200
pairs that are independent of each other. Both statistics of every symmetry must give uniform p-values (ties broken at random),
and no test on weights may call a pair related. About two CPU-minutes an architecture.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from benchmarks.quality.lineage.architectures import FORMS, Form, begin, config_of, hub_state, save, train
from benchmarks.quality.lineage.levels import level
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, corpus
from torch import Tensor

from stillwatch.lineage.base import Given, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.run import compare
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

SCENARIO = "quality.lineage-nulls"
N_PAIRS, STACK = 200, 40
RECIPE = Recipe(steps=60, batch=4, length=32, rate=1e-2)
FIRST_SEED = 10_000


def trained(form: Form, text: Tensor, folder: Path) -> tuple[list[Weights], float, float]:
    """Two models a pair; their loss, and the cosine of a weight matrix with its initial draw: training must have moved it."""
    made, losses, kept = [], [], []
    for start in range(0, 2 * N_PAIRS, STACK):
        fresh = begin(form, list(range(FIRST_SEED + start, FIRST_SEED + start + STACK)))
        stack, loss = train(fresh, form, RECIPE, text)
        losses.append(loss)
        name = next(n for n in stack if n.endswith("up_proj.weight"))
        kept.append(float(torch.nn.functional.cosine_similarity(stack[name].flatten(1), fresh[name].flatten(1)).mean()))
        places = (save(hub_state(stack, form, i), config_of(form), folder / str(start + i)) for i in range(STACK))
        made += [open_weights(place) for place in places]
    return made, float(np.mean(losses)), float(np.mean(kept))


def judged(form: Form, text: Tensor) -> dict[str, object]:
    """Levels of one architecture."""
    rng = np.random.default_rng(5)
    p: dict[str, list[float]] = {}
    called = {WeightsExact.name: 0, WeightsRobust.name: 0}
    with TemporaryDirectory() as scratch:
        models, loss, kept = trained(form, text, Path(scratch))
        for number, (a, b) in enumerate(zip(models[::2], models[1::2], strict=True)):
            given = Given(seed=number)
            for row in WeightsExact().rows(read_names(a), read_names(b), given):
                for statistic, value in zip(("trace", "matching"), row.spread(rng), strict=True):
                    p.setdefault(f"{row.kind}, {statistic}", []).append(value)
            for result in compare(a, [b], [WeightsExact(), WeightsRobust()], given).results:
                called[result.test] += result.verdict in (Verdict.REJECT, Verdict.CALIBRATED)
        family = read_names(models[0]).family
    levels = {name: level(values) for name, values in p.items()}
    return {"form": form.name, "family": family, "n_pairs": N_PAIRS, "loss": loss, "kept": kept, "called": called, "rows": levels}


def main() -> None:
    """Measure one architecture after the other; a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    text = corpus()
    for name in parser.parse_args().forms:
        record(SCENARIO, judged(FORMS[name], text))


if __name__ == "__main__":
    main()
