"""Feed-forward symmetries: which blocks there are, beyond what the forward passes show."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.quality.lineage.children import moved
from tests.checkpoints import LATENT, LLAMA, MIXTURE, model_of, random_state, write_gguf

from stillwatch.lineage.names import Layer, Model, read_names
from stillwatch.lineage.symmetry_ffn import expert_neurons, experts, neurons, same_routing, shared_neurons
from stillwatch.lineage.weights import open_weights


def without_feed_forward(model: Model) -> Model:
    """The model with an unknown tensor in every feed-forward block."""
    layers = tuple(Layer(layer.roles, layer.experts, frozenset({"feed-forward"})) for layer in model.layers)
    return replace(model, layers=layers)


def test_an_unknown_tensor_withholds_every_feed_forward_symmetry(tmp_path: Path) -> None:
    """
    What might have to move with the units is never guessed.
    """
    for config in (LLAMA, LATENT):
        model = without_feed_forward(model_of(tmp_path, random_state(config, 1), config))
        for build in (neurons, shared_neurons, expert_neurons, experts):
            assert [block for i, layer in enumerate(model.layers) for block in build(model, i, layer)] == []


def test_experts_change_places_only_inside_their_routing_group(tmp_path: Path) -> None:
    """
    Two groups of four experts: four units in each, and two whole groups.
    """
    model = model_of(tmp_path, random_state(LATENT, 1), LATENT)

    told = {block.label or block.kind: block.moves[0].at.tolist() for block in experts(model, 1, model.layers[1])}

    assert told == {
        "group 0": [[0], [1], [2], [3]],
        "group 1": [[4], [5], [6], [7]],
        "expert groups": [[0, 1, 2, 3], [4, 5, 6, 7]],
    }


def test_routing_that_nobody_tells_is_taken_as_grouped(tmp_path: Path) -> None:
    """
    Without a config, a DeepSeek-like mixture may have eight groups; of eight experts only whole groups may then move.
    """
    model = model_of(tmp_path, random_state(LATENT, 1), None)

    assert [block.kind for block in experts(model, 1, model.layers[1])] == ["expert groups"]


def test_two_models_are_compared_under_the_finer_routing(tmp_path: Path) -> None:
    """
    One tells two groups and the other nothing: both are taken as in eight.
    """
    told = model_of(tmp_path / "a", random_state(LATENT, 1), LATENT)
    untold = model_of(tmp_path / "b", random_state(LATENT, 2), None)

    assert [model.groups for model in same_routing(told, untold)] == [8, 8]
    assert [model.groups for model in same_routing(told, told)] == [2, 2]


def test_stacked_experts_are_the_same_blocks(tmp_path: Path) -> None:
    """
    Rows of an expert inside a stack are the rows of its own tensors, gate and up in one tensor included.
    """
    state = random_state(MIXTURE, 1)
    hub = model_of(tmp_path / "hub", state, MIXTURE)
    stacked = read_names(open_weights(write_gguf(tmp_path / "m.gguf", state, MIXTURE)))
    fused_state = {name: w for name, w in state.items() if ".experts." not in name}
    for i in range(MIXTURE["num_hidden_layers"]):
        at = f"model.layers.{i}.mlp.experts."
        part = {p: np.stack([state[f"{at}{e}.{p}_proj.weight"] for e in range(6)]) for p in ("gate", "up", "down")}
        fused_state |= {at + "gate_up_proj": np.concatenate([part["gate"], part["up"]], axis=1), at + "down_proj": part["down"]}
    fused = model_of(tmp_path / "fused", fused_state, MIXTURE)

    read = []
    for model in (hub, stacked, fused):
        block = list(expert_neurons(model, 1, model.layers[1]))[4]
        gate, up, down = block.moves
        rows = [model.weights.rows(m.tensors[0], m.at[:, 0]) for m in (gate, up)]
        start, stop = down.within or (0, model.weights.shape(down.tensors[0])[0])
        read.append([*rows, model.weights.rows(down.tensors[0], np.arange(start, stop))[:, down.at[:, 0]]])

    for other in read[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(read[0], other, strict=True))


def test_whole_experts_of_a_stack_move_with_all_their_rows(tmp_path: Path) -> None:
    """
    Permuting the experts of a stacked checkpoint gives the stack of the permuted experts.
    """
    state = random_state(MIXTURE, 1)
    order = np.array([3, 0, 5, 1, 2, 4])
    moved_state = dict(state)
    for name, w in state.items():
        if ".experts." in name:
            e = int(name.split(".experts.")[1].split(".")[0])
            moved_state[name] = state[name.replace(f".experts.{e}.", f".experts.{order[e]}.")]
        elif name.endswith("mlp.gate.weight"):
            moved_state[name] = w[order]
    stacked = read_names(open_weights(write_gguf(tmp_path / "m.gguf", state, MIXTURE)))
    goal = read_names(open_weights(write_gguf(tmp_path / "p.gguf", moved_state, MIXTURE)))

    tensors = {name: stacked.weights.whole(name) for name in stacked.weights.places}
    for i, layer in enumerate(stacked.layers):
        for block in experts(stacked, i, layer):
            for move in block.moves:
                moved(tensors, move, order)

    for name, value in tensors.items():
        assert np.array_equal(value, goal.weights.whole(name)), name
