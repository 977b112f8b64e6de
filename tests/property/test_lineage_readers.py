"""Damaged checkpoints never surprise: whatever the bytes, reading ends in numbers or in a LineageError."""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.checkpoints import LLAMA, random_state, write_folder, write_gguf

from stillwatch.errors import LineageError
from stillwatch.lineage.names import read_names
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import open_weights
from stillwatch.methods.matching import fixed_points_log10_p

CONFIG = LLAMA | {"num_hidden_layers": 1, "vocab_size": 8, "hidden_size": 32, "intermediate_size": 32}
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small checkpoint in both formats, as bytes."""
    folder, state = tmp_path_factory.mktemp("healthy"), random_state(CONFIG, 1)
    write_folder(folder, state)
    gguf = write_gguf(folder / "m.gguf", state, CONFIG, "Q4_0", tokens=["a", "b"])
    return {"m.safetensors": (folder / "model.safetensors").read_bytes(), "m.gguf": gguf.read_bytes()}


def read_all(path: Path) -> str:
    """Open, understand and read a checkpoint; what happened, in a word."""
    try:
        weights = open_weights(path)
        for name in weights.places:
            assert np.isfinite(weights.rows(name)).all()
        assert list(blocks(read_names(weights)))
    except LineageError:
        return "refused"
    return "read"


@SLOW
@given(data=st.data(), name=st.sampled_from(["m.safetensors", "m.gguf"]))
def test_changed_bytes_are_read_or_refused(tmp_path: Path, healthy: dict[str, bytes], data: st.DataObject, name: str) -> None:
    """
    Any few bytes of the header changed, or the file cut anywhere, leaves numbers or a LineageError.
    """
    raw = bytearray(healthy[name])
    header = min(len(raw), 2_500)
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(raw))))
    (tmp_path / name).write_bytes(bytes(raw[:cut]))

    assert read_all(tmp_path / name) in ("read", "refused")


@SLOW
@given(raw=st.binary(max_size=300), name=st.sampled_from(["m.safetensors", "m.gguf", "m.pt"]))
def test_any_bytes_are_refused(tmp_path: Path, raw: bytes, name: str) -> None:
    """
    What is no checkpoint is refused, whatever it is called.
    """
    (tmp_path / name).write_bytes(raw)

    assert read_all(tmp_path / name) == "refused"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["w", "dtype", "shape", "data_offsets", "F32"]), inner)
    ),
    max_leaves=8,
)


@SLOW
@given(header=JSON)
def test_any_header_is_read_or_refused(tmp_path: Path, header: object) -> None:
    """
    A header of any JSON shape, integers of any size included, ends in a LineageError.
    """
    raw = json.dumps(header).encode()
    (tmp_path / "m.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(64))

    assert read_all(tmp_path / "m.safetensors") == "refused"


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3), observed=st.integers(0, 12))
def test_fixed_points_are_those_of_every_combination_of_permutations(sizes: list[int], observed: int) -> None:
    """
    The closed form equals counting all combinations of all permutations.
    """
    observed = min(observed, sum(sizes))
    counts = np.ones(1)
    for n in sizes:
        fixed = [sum(i == p for i, p in enumerate(order)) for order in permutations(range(n))]
        counts = np.convolve(counts, np.bincount(fixed, minlength=n + 1))

    told = fixed_points_log10_p(observed, sizes)

    assert 10.0**told == pytest.approx(counts[observed:].sum() / counts.sum(), rel=1e-9)
