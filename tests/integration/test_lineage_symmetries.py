"""
Every symmetry row against the real architectures: a symmetry that does not preserve the function is a bug.

Tiny models of each architecture are made from their transformers configurations, with random weights (norms and biases too, so
that forgetting one shows), saved as the hub has them, permuted on disk by what the row says, and loaded again.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.quality.lineage.children import permuted
from safetensors.numpy import load_file
from tests.checkpoints import write_folder

from stillwatch.lineage.blocks import Block, Move
from stillwatch.lineage.names import read_names
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import open_weights

torch = pytest.importorskip("torch", reason="needs torch: pip install --group lineage-dev")
transformers = pytest.importorskip("transformers", reason="needs transformers: pip install --group lineage-dev")


SMALL = {
    "vocab_size": 96, "hidden_size": 48, "intermediate_size": 56, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
MLA = SMALL | {
    "num_key_value_heads": 4, "kv_lora_rank": 24, "q_lora_rank": 20, "qk_nope_head_dim": 10, "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "moe_intermediate_size": 14, "n_routed_experts": 16, "num_experts_per_tok": 4, "n_shared_experts": 1, "n_group": 4,
    "topk_group": 2, "first_k_dense_replace": 1, "num_hidden_layers": 3,
}  # fmt: skip
MIXED = SMALL | {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 14, "head_dim": 12}

ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", SMALL),
    "mistral": ("MistralConfig", SMALL | {"sliding_window": None}),
    "mixtral": ("MixtralConfig", SMALL | {"num_local_experts": 4}),
    "qwen2": ("Qwen2Config", SMALL),
    "qwen2_moe": ("Qwen2MoeConfig", MIXED | {"shared_expert_intermediate_size": 18}),
    "qwen3": ("Qwen3Config", SMALL | {"head_dim": 16}),
    "qwen3_moe": ("Qwen3MoeConfig", MIXED),
    "gemma": ("GemmaConfig", SMALL | {"head_dim": 16}),
    "gemma2": ("Gemma2Config", SMALL | {"head_dim": 16, "sliding_window": 32}),
    "gemma3": ("Gemma3TextConfig", SMALL | {"head_dim": 16, "sliding_window": 32}),
    "deepseek_v2": ("DeepseekV2Config", MLA | {"topk_method": "group_limited_greedy"}),
    "deepseek_v2_lite": ("DeepseekV2Config", MLA | {"q_lora_rank": None, "n_group": 1, "topk_group": 1, "topk_method": "greedy"}),
    "deepseek_v3": ("DeepseekV3Config", MLA),
    "kimi_k2": ("DeepseekV3Config", MLA | {"n_group": 1, "topk_group": 1}),
    "deepseek_v32": ("DeepseekV32Config", MLA | {"index_n_heads": 4, "index_head_dim": 16, "index_topk": 4}),
}
DENSE = {"neurons", "residual dimensions"}
GQA = {"value dimensions", "KV heads", "query heads"}
MIXTURE = {"experts", "expert neurons"}
LATENT = {"KV latent", "MLA heads", "key dimensions without RoPE", "MLA value dimensions"}
KINDS = {
    "llama": DENSE | GQA,
    "mistral": DENSE | GQA,
    "mixtral": {"residual dimensions"} | GQA | MIXTURE,
    "qwen2": DENSE | GQA,
    "qwen2_moe": {"residual dimensions", "shared-expert neurons"} | GQA | MIXTURE,
    "qwen3": DENSE | GQA,
    "qwen3_moe": {"residual dimensions"} | GQA | MIXTURE,
    "gemma": DENSE | GQA,
    "gemma2": DENSE | GQA,
    "gemma3": DENSE | GQA,
    "deepseek_v2": DENSE | MIXTURE | LATENT | {"expert groups", "query latent", "shared-expert neurons"},
    "deepseek_v2_lite": DENSE | MIXTURE | LATENT | {"shared-expert neurons"},
    "deepseek_v3": DENSE | MIXTURE | LATENT | {"expert groups", "query latent", "shared-expert neurons"},
    "kimi_k2": DENSE | MIXTURE | LATENT | {"query latent", "shared-expert neurons"},
    "deepseek_v32": DENSE
    | MIXTURE
    | LATENT
    | {"expert groups", "query latent", "shared-expert neurons", "index heads", "index dimensions"},
}

ROUNDING = 2e-5  # of the logits' deviation: the norms of these architectures compute in float32

Make = Callable[[str], tuple[Path, Any]]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A tiny model of an architecture, saved once; returns its folder and its logits."""
    made: dict[str, tuple[Path, Any]] = {}

    def build(name: str) -> tuple[Path, Any]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            config_class, sizes = ARCHITECTURES[name]
            torch.manual_seed(11)
            model = transformers.AutoModelForCausalLM.from_config(
                getattr(transformers, config_class)(**sizes), dtype=torch.float32
            )
            with torch.no_grad():
                for parameter in [*model.parameters(), *(b for n, b in model.named_buffers() if n.endswith("correction_bias"))]:
                    parameter.copy_(torch.randn_like(parameter) * 0.3 + (1.0 if parameter.dim() == 1 else 0.0))
            model.save_pretrained(folder)
            made[name] = (folder, logits(folder))
        return made[name]

    return build


def logits(folder: Path) -> Any:
    """Logits of a saved model on fixed tokens, in float64 so that sums in another order do not show."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager", experts_implementation="eager"
    ).eval()
    tokens = torch.arange(3, 27).view(2, 12)
    with torch.no_grad():
        return model(tokens).logits.numpy()


def disguised(folder: Path, to: Path, chosen: list[Block], skip: Callable[[Move], bool] = lambda _: False) -> Path:
    """A copy of a checkpoint with each of the blocks' units in another order."""
    state = permuted(load_file(folder / "model.safetensors"), chosen, np.random.default_rng(5), skip)
    return write_folder(to, state, json.loads((folder / "config.json").read_text()))


def kinds(folder: Path) -> dict[str, list[Block]]:
    """Blocks of a checkpoint by symmetry."""
    found: dict[str, list[Block]] = {}
    for block in blocks(read_names(open_weights(folder))):
        found.setdefault(block.kind, []).append(block)
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_symmetry_leaves_the_logits_unchanged(make: Make, architecture: str, tmp_path: Path) -> None:
    """
    Permuting the units of a symmetry, in all layers at once, changes no logit, and the symmetries found are the architecture's.
    """
    folder, before = make(architecture)
    found = kinds(folder)

    differences = {}
    for kind, chosen in found.items():
        after = logits(disguised(folder, tmp_path / kind.replace(" ", "-"), chosen))
        differences[kind] = float(np.abs(after - before).max() / before.std())

    assert set(found) == KINDS[architecture]
    assert max(differences.values()) < ROUNDING, differences


def mistakes() -> Iterator[tuple[str, str, Callable[[dict[str, list[Block]]], tuple[list[Block], Callable[[Move], bool]]]]]:
    """Permutations that look right and are not."""

    def rope(found: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
        heads = found["key dimensions without RoPE"][0]
        q = heads.moves[0]
        return [Block("RoPE", 0, "", (Move("q_b", q.tensors, "rows", q.at.max() + 1 + np.arange(8)[:, None]),))], lambda _: False

    def across(found: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
        first = found["experts"][0].moves
        groups = found["expert groups"][0]
        every = [Move(m.role, m.tensors, m.along, np.sort(m.at.reshape(16, -1), axis=0)) for m in groups.moves]
        assert len(first) == len(every)
        return [Block("experts across groups", 1, "", tuple(every))], lambda _: False

    def forgotten(found: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
        return found["query latent"], lambda move: move.role == "index q_b"

    def alone(found: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
        return found["index heads"], lambda move: move.role == "index q_b"

    yield "RoPE dimensions", "deepseek_v3", rope
    yield "experts across groups", "deepseek_v3", across
    yield "indexer forgotten", "deepseek_v32", forgotten
    yield "index weights alone", "deepseek_v32", alone


@pytest.mark.parametrize(("name", "architecture", "mistake"), [pytest.param(*m, id=m[0].replace(" ", "-")) for m in mistakes()])
def test_a_wrong_symmetry_moves_the_logits(make: Make, name: str, architecture: str, mistake: Any, tmp_path: Path) -> None:
    """
    Permuting what must not be permuted, or forgetting a tensor that must move, shows in the logits: the check above can fail.
    """
    folder, before = make(architecture)
    chosen, skip = mistake(kinds(folder))

    after = logits(disguised(folder, tmp_path / "wrong", chosen, skip))

    assert float(np.abs(after - before).max() / before.std()) > 1000 * ROUNDING, name
