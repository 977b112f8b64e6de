"""Whole `.gguf` files of DeepSeek V3, V3.2 (DSA) and Kimi K2, named by the gguf package's own table, against hub folders."""

from pathlib import Path

import gguf
import numpy as np
import pytest
from tests.checkpoints import ARCHITECTURES, Config, State, noisy, random_state, write_folder

from stillwatch.lineage.base import Given, Result, Verdict
from stillwatch.lineage.names import read_names
from stillwatch.lineage.symmetries import blocks
from stillwatch.lineage.weights import open_weights
from stillwatch.lineage.weights_exact import WeightsExact

FORMS = {
    "deepseek_v3": (gguf.MODEL_ARCH.DEEPSEEK2, "MLA, mixture of 8 experts, 2 layers, width 32"),
    "kimi_k2": (gguf.MODEL_ARCH.DEEPSEEK2, "MLA, mixture of 8 experts, 2 layers, width 32"),
    "deepseek_v32": (gguf.MODEL_ARCH.GLM_DSA, "MLA with DSA indexer, mixture of 8 experts, 2 layers, width 32"),
}
WIDE: Config = {"hidden_size": 32, "moe_intermediate_size": 32, "intermediate_size": 64}  # rows of whole Q8_0 blocks


def write(path: Path, state: State, config: Config, arch: gguf.MODEL_ARCH, kind: str, split: bool) -> Path:
    """A state as llama.cpp's converter writes it: experts stacked, kv_b whole or split a head, groups in the metadata."""
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_expert_group_count(config["n_group"])
    names, code = gguf.get_tensor_name_map(arch, config["num_hidden_layers"]), gguf.GGMLQuantizationType[kind]
    for name, weight in whole(state, config, split).items():
        named = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert named is not None, name
        fits = kind != "F32" and weight.ndim > 1 and weight.shape[-1] % gguf.GGML_QUANT_SIZES[code][0] == 0
        writer.add_tensor(named, gguf.quantize(weight, code) if fits else weight, raw_dtype=code if fits else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def whole(state: State, config: Config, split: bool) -> State:
    """What the converter does to hub tensors before it names them."""
    told: State = {}
    for name, weight in state.items():
        if ".experts." in name:
            stem, part = name.split(".experts.")[0] + ".experts.", name.split(".", 6)[-1]
            told[stem + part] = np.stack([state[f"{stem}{e}.{part}"] for e in range(config["experts"])])
        elif name.endswith("kv_b_proj.weight") and split:
            heads = weight.reshape(config["num_attention_heads"], -1, weight.shape[1])
            told[name.replace("kv_b", "k_b")] = np.ascontiguousarray(heads[:, : config["nope"]].transpose(0, 2, 1))
            told[name.replace("kv_b", "v_b")] = np.ascontiguousarray(heads[:, config["nope"] :])
        else:
            told[name.replace("e_score_correction_bias", "e_score_correction.bias")] = weight
    return told


@pytest.mark.parametrize("split", [False, True], ids=["kv_b", "k_b-v_b"])
@pytest.mark.parametrize("name", FORMS)
def test_a_file_shows_the_symmetries_of_its_folder(tmp_path: Path, name: str, split: bool) -> None:
    """
    Every tensor that llama.cpp's converter writes is known: same family, same symmetries, same routing groups as under hub names.
    """
    config, (arch, family) = ARCHITECTURES[name] | WIDE, FORMS[name]
    state = random_state(config, 1)

    hub = read_names(open_weights(write_folder(tmp_path / "hub", state, config)))
    file = read_names(open_weights(write(tmp_path / "m.gguf", state, config, arch, "F32", split)))

    assert file.family == hub.family == family
    assert file.others == ()
    assert {(b.kind, b.layer, b.label, b.n) for b in blocks(file)} == {(b.kind, b.layer, b.label, b.n) for b in blocks(hub)}


@pytest.mark.parametrize("kind", ["F32", "Q8_0"])
@pytest.mark.parametrize("name", FORMS)
def test_a_child_as_gguf_is_found_against_the_hub_folder(tmp_path: Path, name: str, kind: str) -> None:
    """
    Noise of a tenth and, perhaps, quantisation: every symmetry of more than eight units keeps its units in place.
    """
    config, (arch, _) = ARCHITECTURES[name] | WIDE, FORMS[name]
    state = random_state(config, 1)
    base = open_weights(write_folder(tmp_path / "hub", state, config), "base")
    child = open_weights(write(tmp_path / "m.gguf", noisy(state, 0.1, 2), config, arch, kind, split=False), "child")

    found = next(WeightsExact().run(child, [base], Given()))

    assert isinstance(found, Result)
    assert found.verdict is Verdict.REJECT
    still = {p.name: p.statistic / p.n for p in found.parts if p.name.endswith("matching")}
    assert len(still) == len({block.kind for block in blocks(read_names(base))})
    assert min(still.values()) > 0.95, still


def test_a_stranger_as_gguf_is_left_alone(tmp_path: Path) -> None:
    """
    A DSA model of another seed gives no verdict, whole or split.
    """
    config, (arch, _) = ARCHITECTURES["deepseek_v32"] | WIDE, FORMS["deepseek_v32"]
    base = open_weights(write_folder(tmp_path / "hub", random_state(config, 1), config), "base")
    for split in (False, True):
        stranger = open_weights(write(tmp_path / "m.gguf", random_state(config, 2), config, arch, "F32", split), "stranger")

        found = next(WeightsExact().run(stranger, [base], Given()))

        assert isinstance(found, Result)
        assert found.verdict is Verdict.NO_POWER
