"""Every symmetry row against reference forward passes in numpy; transformers' own are in tests/integration."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.lineage.children import permuted
from tests.checkpoints import ARCHITECTURES, LATENT, LLAMA, Config, State, model_of, random_state
from tests.forward import logits

from stillwatch.lineage.blocks import Block, Move
from stillwatch.lineage.symmetries import blocks, residual

TOKENS = np.arange(5, 21)
RESIDUAL = {"residual dimensions"}
DENSE = RESIDUAL | {"neurons"}
GQA = {"value dimensions", "KV heads", "query heads"}
MIXTURE = {"experts", "expert neurons"}
MLA = DENSE | MIXTURE | {
    "shared-expert neurons", "KV latent", "MLA heads", "key dimensions without RoPE", "MLA value dimensions",
}  # fmt: skip
KINDS = {
    "llama": DENSE | GQA,
    "mistral": DENSE | GQA,
    "mixtral": RESIDUAL | GQA | MIXTURE,
    "qwen2": DENSE | GQA,
    "qwen2_moe": RESIDUAL | GQA | MIXTURE | {"shared-expert neurons"},
    "qwen3": DENSE | GQA,
    "qwen3_moe": RESIDUAL | GQA | MIXTURE,
    "gemma": DENSE | GQA,
    "gemma2": DENSE | GQA,
    "gemma3": DENSE | GQA,
    "deepseek_v2": MLA | {"expert groups", "query latent"},
    "deepseek_v2_lite": MLA,
    "deepseek_v3": MLA | {"expert groups", "query latent"},
    "kimi_k2": MLA | {"query latent"},
    "deepseek_v32": MLA | {"expert groups", "query latent", "index heads", "index dimensions"},
}


def found(tmp_path: Path, config: Config) -> tuple[State, dict[str, list[Block]]]:
    """A state and its blocks by symmetry."""
    state = random_state(config, 1)
    told: dict[str, list[Block]] = {}
    for block in blocks(model_of(tmp_path, state, config)):
        told.setdefault(block.kind, []).append(block)
    return state, told


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_permuting_the_units_of_a_symmetry_changes_no_logit(tmp_path: Path, name: str) -> None:
    """
    Whatever symmetry is permuted, in all layers at once, the function stays what it was.
    """
    state, told = found(tmp_path, ARCHITECTURES[name])
    before = logits(state, ARCHITECTURES[name], TOKENS)

    after = {
        kind: logits(permuted(state, chosen, np.random.default_rng(2)), ARCHITECTURES[name], TOKENS)
        for kind, chosen in told.items()
    }

    assert set(told) == KINDS[name]
    assert max(float(np.abs(value - before).max()) for value in after.values()) < 1e-9


def _rope(told: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
    q = told["key dimensions without RoPE"][0].moves[0]
    rope = LATENT["nope"] + np.arange(LATENT["rope"])[:, None]
    return [Block("RoPE", 0, "", (Move("q_b", q.tensors, "rows", rope),))], lambda _: False


def _across(told: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
    moves = [
        Move(m.role, m.tensors, m.along, np.sort(m.at.reshape(LATENT["experts"], -1), axis=0))
        for m in told["expert groups"][0].moves
    ]
    return [Block("experts across groups", 1, "", tuple(moves))], lambda _: False


def _without_indexer(told: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
    return told["query latent"], lambda move: move.role == "index q_b"


def _weights_alone(told: dict[str, list[Block]]) -> tuple[list[Block], Callable[[Move], bool]]:
    return told["index heads"], lambda move: move.role == "index q_b"


@pytest.mark.parametrize("mistake", [_rope, _across, _without_indexer, _weights_alone])
def test_a_wrong_symmetry_moves_the_logits(
    tmp_path: Path, mistake: Callable[..., tuple[list[Block], Callable[[Move], bool]]]
) -> None:
    """
    RoPE dimensions, experts across groups, an indexer forgotten and index weights alone are no symmetries.
    """
    state, told = found(tmp_path, LATENT)
    chosen, skip = mistake(told)

    after = logits(permuted(state, chosen, np.random.default_rng(3), skip), LATENT, TOKENS)

    assert float(np.abs(after - logits(state, LATENT, TOKENS)).max()) > 1e-3


def test_the_residual_block_compares_embedding_columns_alone(tmp_path: Path) -> None:
    """
    Of all that moves with the residual stream only the embedding is a feature of the test.
    """
    block = residual(model_of(tmp_path, random_state(LLAMA, 1), LLAMA))

    assert [move.role for move in block.moves if move.compared] == ["embed"]
    assert block.n == LLAMA["hidden_size"]
