"""Trained mixtures and MLA models: children are found by every symmetry, same-recipe strangers by none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust

torch = pytest.importorskip("torch", reason="needs torch: pip install --group lineage-dev")
transformers = pytest.importorskip("transformers", reason="needs transformers: pip install --group lineage-dev")


SMALL = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
LATENT = SMALL | {
    "num_key_value_heads": 4, "kv_lora_rank": 24, "q_lora_rank": 20, "qk_nope_head_dim": 10, "qk_rope_head_dim": 8,
    "v_head_dim": 12, "moe_intermediate_size": 24, "n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1,
    "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1,
}  # fmt: skip
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "mixtral": ("MixtralConfig", SMALL | {"num_local_experts": 4}),
    "qwen3_moe": (
        "Qwen3MoeConfig",
        SMALL | {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "head_dim": 8},
    ),
    "deepseek_v3": ("DeepseekV3Config", LATENT),
    "deepseek_v32": ("DeepseekV32Config", LATENT | {"index_n_heads": 4, "index_head_dim": 16, "index_topk": 8}),
}
SEARCHED = {  # symmetries whose units each single child must keep in place
    "mixtral": {"expert neurons", "value dimensions", "residual dimensions"},
    "qwen3_moe": {"expert neurons", "value dimensions", "residual dimensions"},
    "deepseek_v3": {
        "neurons",
        "expert neurons",
        "shared-expert neurons",
        "KV latent",
        "query latent",
        "key dimensions without RoPE",
    },
    "deepseek_v32": {"neurons", "KV latent", "query latent", "MLA value dimensions", "index dimensions", "residual dimensions"},
}


def text(n: int, seed: int) -> Any:
    """Tokens with something to learn: a noisy cycle through the vocabulary."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(n) < 0.8, 7, rng.integers(1, 90, n))
    return torch.from_numpy(3 + np.cumsum(steps) % 90).view(-1, 32)


def trained(model: Any, rows: Any, steps: int, rate: float) -> Any:
    """The model after some steps of AdamW, and it must have learnt."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    losses = []
    for step in range(steps):
        batch = rows[step * 16 % len(rows) :][:16]
        loss = model(batch, labels=batch).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.fixture(scope="module", params=list(CONFIGS))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Weights, Weights, Weights]:
    """An architecture's base, its child by training on, and a stranger of the same recipe and data."""
    name = request.param
    folder: Path = tmp_path_factory.mktemp(name)
    config_class, sizes = CONFIGS[name]
    rows = text(16 * 32 * 40, 1)
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, config_class)(**sizes), dtype=torch.float32)
        losses = trained(model, rows, 40, 3e-3)
        assert losses[-1] < losses[0] - 0.3, losses
        model.save_pretrained(folder / str(seed))
        made.append(folder / str(seed))
        if seed == 1:
            trained(model, text(16 * 32 * 20, 2), 20, 1e-3)
            model.save_pretrained(folder / "child")
    return name, open_weights(made[0], "base"), open_weights(folder / "child", "child"), open_weights(made[1], "stranger")


def test_a_child_keeps_its_units_in_place(family: tuple[str, Weights, Weights, Weights]) -> None:
    """
    Training on leaves p below 1e-12, and most units of every larger symmetry where they were.
    """
    name, base, child, _ = family

    found = next(WeightsExact().run(child, [base], Given()))

    assert isinstance(found, Result)
    assert found.verdict is Verdict.REJECT
    assert (found.log10_p or 0.0) < -12
    kept = {
        part.name.removesuffix(", matching"): part.statistic / part.n for part in found.parts if part.name.endswith("matching")
    }
    assert min(kept[kind] for kind in SEARCHED[name]) > 0.9, kept


def test_a_stranger_of_the_same_recipe_is_left_alone(family: tuple[str, Weights, Weights, Weights]) -> None:
    """
    The same data in the same order from another seed gives neither an exact nor a calibrated verdict.
    """
    _, base, _, stranger = family

    found = [next(test.run(stranger, [base], Given())) for test in (WeightsExact(), WeightsRobust())]

    assert [r.verdict for r in found if isinstance(r, Result)] == [Verdict.NO_POWER, Verdict.NO_POWER]
