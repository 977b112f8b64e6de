"""
Is the null right? Every symmetry row over 200 and more disjoint pairs of independent models of its architecture.

T1's Monte Carlo p and T2's p (randomised inside its steps, because fixed points are whole numbers) must be uniform.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest
from tests.checkpoints import LATENT, LLAMA, MIXTURE, Config, model_of, random_state, write_gguf

from stillwatch.lineage.distinct import distinct
from stillwatch.lineage.exact import Row, rows
from stillwatch.lineage.features import Pair, pairs
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.stream import common_tokens, stream_pairs
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.symmetry_ffn import same_routing
from stillwatch.lineage.upcycled import upcycled_pairs
from stillwatch.lineage.weights import open_weights

PAIRS = 240
DRAWS = 199
# wide enough that all 60 checks of this file together fail once in a thousand honest runs; seeds are fixed
SMALLEST_KS_P = 1e-4


def told(suspect: Model, base: Model, seed: int) -> list[Row]:
    """T1 and T2 of every symmetry of a pair."""
    suspect, base = same_routing(suspect, base)
    theirs = [b for b in distinct(suspect.weights, list(blocks(suspect)), 4, seed) if b.layer is not None]
    tokens = common_tokens(suspect, base)
    assert not isinstance(tokens, str)

    def every() -> Iterator[Pair]:
        yield from pairs(suspect.weights, theirs, base.weights, list(blocks(base)), 64, seed)
        yield from upcycled_pairs(suspect, theirs, base, list(blocks(base)), 64, seed)
        yield from stream_pairs(suspect, base, tokens, 64, seed)

    return rows(every(), DRAWS, seed)


def levels(found: dict[str, list[float]]) -> dict[str, tuple[float, float, float]]:
    """KS p against uniform, and the shares below 0.05 and 0.01."""
    return {
        name: (float(kstest(p, "uniform").pvalue), float(np.mean(np.array(p) < 0.05)), float(np.mean(np.array(p) < 0.01)))
        for name, p in found.items()
    }


def p_values(made: Iterator[tuple[Model, Model]]) -> dict[str, list[float]]:
    """All p-values by symmetry and test, from one pair after the other."""
    rng = np.random.default_rng(99)
    found: dict[str, list[float]] = {}
    for seed, (suspect, base) in enumerate(made):
        for row in told(suspect, base, seed):
            for statistic, p in zip(("T1", "T2"), row.spread(rng), strict=True):
                found.setdefault(f"{row.kind} {statistic}", []).append(p)
    return found


def check(found: dict[str, list[float]]) -> None:
    """Uniform within bands: KS, and P(p < 0.05), P(p < 0.01) within four standard errors."""
    assert all(len(p) >= 200 for p in found.values())
    for name, (ks, five, one) in levels(found).items():
        assert ks > SMALLEST_KS_P, f"{name}: KS p {ks:.2g}"
        assert abs(five - 0.05) < 4 * math.sqrt(0.05 * 0.95 / PAIRS), f"{name}: P(p < 0.05) = {five:.3f}"
        assert one < 0.01 + 4 * math.sqrt(0.01 * 0.99 / PAIRS), f"{name}: P(p < 0.01) = {one:.3f}"


@pytest.mark.parametrize(("config", "symmetries"), [(LLAMA, 5), (MIXTURE, 6), (LATENT, 13)], ids=["llama", "mixture", "latent"])
def test_p_values_of_independent_models_are_uniform(tmp_path: Path, config: Config, symmetries: int) -> None:
    """
    Independent models of an architecture give uniform p-values under every one of its symmetries.
    """

    def made() -> Iterator[tuple[Model, Model]]:
        for i in range(PAIRS):
            suspect, base = random_state(config, 2 * i), random_state(config, 2 * i + 1)
            yield model_of(tmp_path / "a", suspect, config), model_of(tmp_path / "b", base, config)

    found = p_values(made())

    assert len(found) == 2 * symmetries, sorted(found)
    check(found)


def test_p_values_of_a_strange_upcycled_mixture_are_uniform(tmp_path: Path) -> None:
    """
    A mixture whose experts are all copies of one stranger's MLP gives uniform p-values: copies are not counted as independent.
    """
    wide = MIXTURE | {"moe_intermediate_size": LLAMA["intermediate_size"]}

    def made() -> Iterator[tuple[Model, Model]]:
        for i in range(PAIRS):
            state = random_state(wide, 7000 + i)
            for name in list(state):
                if ".experts." in name:
                    state[name] = state[_first(name)]
            dense = model_of(tmp_path / "dense", random_state(LLAMA, 9000 + i), LLAMA)
            yield model_of(tmp_path / "mixture", state, wide), dense

    found = p_values(made())

    assert "expert neurons against dense neurons T2" in found
    check(found)


def _first(name: str) -> str:
    before, after = name.split(".experts.")
    return f"{before}.experts.0.{after.split('.', 1)[1]}"


def test_p_values_of_a_strange_model_with_repeated_layers_are_uniform(tmp_path: Path) -> None:
    """
    A stranger whose layers all repeat one layer gives uniform p-values: repeated layers are not counted as independent.
    """

    def made() -> Iterator[tuple[Model, Model]]:
        for i in range(PAIRS):
            states = [random_state(LLAMA, 20_000 + 2 * i + s) for s in range(2)]
            for state in states:
                for name in [n for n in state if n.startswith("model.layers.")]:
                    state[name] = state[f"model.layers.0.{name.split('.', 3)[3]}"]
            yield model_of(tmp_path / "a", states[0], LLAMA), model_of(tmp_path / "b", states[1], LLAMA)

    check(p_values(made()))


def test_p_values_of_quantised_models_are_uniform(tmp_path: Path) -> None:
    """
    Two independent models, both Q4_0, give uniform p-values although neighbouring columns share scales.
    """
    config = LLAMA | {"hidden_size": 64, "intermediate_size": 64, "head_dim": 16, "num_hidden_layers": 2}

    def made() -> Iterator[tuple[Model, Model]]:
        for i in range(PAIRS):
            states = (random_state(config, 2 * i), random_state(config, 2 * i + 1))
            a, b = (
                write_gguf(tmp_path / f"{side}.gguf", state, config, "Q4_0") for side, state in zip("ab", states, strict=True)
            )
            yield read_names(open_weights(a)), read_names(open_weights(b))

    check(p_values(made()))
