"""Tensor names to roles."""

from pathlib import Path

import gguf
import numpy as np
import pytest
from tests.checkpoints import LATENT, LLAMA, MIXTURE, State, model_of, random_state, write_folder, write_gguf

from stillwatch.errors import LineageError
from stillwatch.lineage import names
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.weights import open_weights


def named(tmp_path: Path, state: State) -> Model:
    """A checkpoint without a config: names and shapes alone."""
    return read_names(open_weights(write_folder(tmp_path, state)))


def test_the_family_is_read_from_tensors_alone(tmp_path: Path) -> None:
    """
    No config is there, yet each architecture is told by its tensors.
    """
    families = {
        name: named(tmp_path / name, random_state(config, 1)).family
        for name, config in (("llama", LLAMA), ("mixture", MIXTURE), ("latent", LATENT))
    }

    assert families == {
        "llama": "attention, dense SwiGLU, 3 layers, width 24",
        "mixture": "attention, mixture of 6 experts, 3 layers, width 24",
        "latent": "MLA with DSA indexer, mixture of 8 experts, 2 layers, width 24",
    }


def test_traits_of_other_lines_show_in_the_family(tmp_path: Path) -> None:
    """
    Qwen 2 has biases, Qwen 3 norms of q and k, Gemma norms around its blocks.
    """
    state = random_state(LLAMA, 1)
    at = "model.layers.0."
    more = {"self_attn.q_proj.bias": 32, "self_attn.q_norm.weight": 8, "pre_feedforward_layernorm.weight": 24}
    more |= {"post_feedforward_layernorm.weight": 24}

    model = named(tmp_path, state | {at + name: np.ones(n, dtype=np.float32) for name, n in more.items()})

    assert model.family == "attention with q/k norms with biases, dense SwiGLU, sandwich norms, 3 layers, width 24"


@pytest.mark.parametrize("prefix", ["", "model.", "language_model.model.", "model.language_model."])
def test_a_language_model_inside_a_larger_one_is_found(tmp_path: Path, prefix: str) -> None:
    """
    Prefixes of multimodal checkpoints are looked through; their vision tower is not a language model.
    """
    state = {prefix + name.removeprefix("model."): w for name, w in random_state(LLAMA, 1).items()}
    vision = {"vision_tower.norm.weight": np.ones(3, dtype=np.float32)}

    model = named(tmp_path, state | vision)

    assert model.top == {"embed": prefix + "embed_tokens.weight", "norm": prefix + "norm.weight"}
    assert len(model.layers) == 3
    assert model.others == ("vision_tower.norm.weight",)


def test_gguf_names_give_the_same_roles(tmp_path: Path) -> None:
    """
    The same model under both names has the same roles, experts stacked or not.
    """
    state = random_state(MIXTURE, 1)
    hub = named(tmp_path / "hub", state)

    stacked = read_names(open_weights(write_gguf(tmp_path / "m.gguf", state, MIXTURE)))

    assert [layer.experts for layer in stacked.layers] == [layer.experts for layer in hub.layers] == [6, 6, 6]
    assert {r for r in hub.layers[0].roles if "moe." not in r} == {r for r in stacked.layers[0].roles if "moe." not in r}
    assert stacked.layers[0].has("moe.gate", "moe.up", "moe.down", "moe.router")
    assert stacked.family == hub.family


def test_mixtral_names_its_experts_its_own_way(tmp_path: Path) -> None:
    """
    w1, w3 and w2 are gate, up and down.
    """
    own = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
    state: State = {}
    for name, w in random_state(MIXTURE, 1).items():
        renamed = name.replace("mlp.gate.weight", "block_sparse_moe.gate.weight").replace(
            "mlp.experts", "block_sparse_moe.experts"
        )
        for hub, mixtral in own.items():
            renamed = renamed.replace(hub, mixtral) if ".experts." in name else renamed
        state[renamed] = w

    layer = named(tmp_path, state).layers[1]

    assert layer.experts == 6
    assert layer.roles["moe.up.3"] == "model.layers.1.block_sparse_moe.experts.3.w3.weight"


def test_unknown_tensors_withhold_their_block(tmp_path: Path) -> None:
    """
    A tensor that might have to move with the units leaves its block untested; outside all blocks it leaves out the layer.
    """
    more = {"0.self_attn.sinks": 4, "1.mlp.gate_proj.bias": 40, "2.eh_proj.weight": 3}

    model = named(tmp_path, random_state(LLAMA, 1) | {"model.layers." + n: np.ones(k, dtype=np.float32) for n, k in more.items()})

    assert [layer.unknown for layer in model.layers] == [frozenset({"attention"}), frozenset({"feed-forward"})]
    assert len(model.others) == 3


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("layers.1.mlp.up_proj.weight", "layer 1 has mlp.gate but no mlp.up"),
        ("layers.1.mlp.gate_proj.weight", "layer 1 has mlp.gate but no mlp.gate"),
        ("layers.2.self_attn.o_proj.weight", "layer 2 has attn.q but no attn.o"),
        ("layers.0.", "layer 0 has no attention tensors"),
        ("embed_tokens.weight", "no transformer layers under names that Stillwatch knows"),
    ],
)
def test_missing_tensors_are_named(tmp_path: Path, lost: str, says: str) -> None:
    """
    Half a block is a damaged download, and the message says which half is missing.
    """
    state = {name: w for name, w in random_state(LLAMA, 1).items() if lost not in name}

    with pytest.raises(LineageError, match=says):
        named(tmp_path, state)


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("layers.1.mlp.experts.3.up_proj", "layer 1 lacks tensors of some of its experts"),
        ("layers.1.mlp.experts.3.", "layer 1 lacks tensors of some of its experts"),
        ("layers.1.mlp.gate.weight", "layer 1 has experts but no router"),
    ],
)
def test_missing_experts_are_named(tmp_path: Path, lost: str, says: str) -> None:
    """
    An expert that is missing, whole or in part, is a damaged download.
    """
    state = {name: w for name, w in random_state(MIXTURE, 1).items() if lost not in name}

    with pytest.raises(LineageError, match=says):
        named(tmp_path, state)


def test_a_model_of_unknown_layers_is_refused(tmp_path: Path) -> None:
    """
    Where every layer is something else there is nothing to test.
    """
    state = random_state(LLAMA, 1) | {f"model.layers.{i}.conv.weight": np.ones(3, dtype=np.float32) for i in range(3)}

    with pytest.raises(LineageError, match="every layer holds tensors that Stillwatch does not know"):
        named(tmp_path, state)


def test_buffers_are_no_unknown_tensors(tmp_path: Path) -> None:
    """
    Rotary frequencies, stored by old checkpoints, withhold nothing.
    """
    state = random_state(LLAMA, 1) | {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(4, dtype=np.float32)}

    model = model_of(tmp_path, state, LLAMA)

    assert (model.others, model.layers[0].unknown) == ((), frozenset())


GGUF_ARCHITECTURES = ("LLAMA", "QWEN2", "QWEN2MOE", "QWEN3", "QWEN3MOE", "GEMMA", "GEMMA2", "GEMMA3", "DEEPSEEK2")


@pytest.mark.parametrize("architecture", GGUF_ARCHITECTURES)
def test_every_tensor_that_llama_cpp_writes_for_an_architecture_is_known(architecture: str) -> None:
    """
    The names that the gguf package lists for each architecture all have a role; none withholds a symmetry by being unknown.
    """
    told = [gguf.TENSOR_NAMES[t].format(bid=0) for t in gguf.MODEL_TENSORS[gguf.MODEL_ARCH[architecture]]]

    unknown = [name for name in told if not _known(name)]

    assert told
    assert unknown == []


def test_names_of_the_indexer_are_those_of_the_gguf_package() -> None:
    """
    DSA's indexer under llama.cpp's names.
    """
    kinds = (gguf.MODEL_TENSOR.INDEXER_ATTN_Q_B, gguf.MODEL_TENSOR.INDEXER_ATTN_K, gguf.MODEL_TENSOR.INDEXER_K_NORM)
    told = [gguf.TENSOR_NAMES[kind].format(bid=0) for kind in (*kinds, gguf.MODEL_TENSOR.INDEXER_PROJ)]

    assert all(_known(name) for name in told)


def _known(name: str) -> bool:
    """Does a tensor of this name get a role, or hold no weights?"""
    endings = [name + ending for ending in (".weight", ".bias", "")]
    inside = [ending.removeprefix("blk.0.") for ending in endings]
    return any(e.endswith(names._NO_WEIGHTS) or e in names._TOP or names._role(i) for e, i in zip(endings, inside, strict=True))
