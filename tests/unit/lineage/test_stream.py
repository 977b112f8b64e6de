"""The residual stream's dimensions as units."""

import json
from pathlib import Path

import numpy as np
from tests.checkpoints import LLAMA, State, model_of, random_state, write_folder, write_gguf

from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.stream import Tokens, common_tokens, stream_pairs
from stillwatch.lineage.weights import open_weights

WORDS = [f"w{i}" for i in range(96)]


def spoken(folder: Path, state: State, words: list[str]) -> Model:
    """A model with a vocabulary."""
    write_folder(folder, state, LLAMA)
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {word: i for i, word in enumerate(words)}}}))
    return read_names(open_weights(folder))


def test_tokens_are_matched_by_their_bytes(tmp_path: Path) -> None:
    """
    The same words under other ids are the same tokens.
    """
    a = spoken(tmp_path / "a", random_state(LLAMA, 1), WORDS)
    b = spoken(tmp_path / "b", random_state(LLAMA, 2), WORDS[::-1])

    found = common_tokens(a, b)

    assert isinstance(found, Tokens)
    assert np.array_equal(found.base, 95 - found.suspect)
    assert found.note == "96 tokens are shared as byte strings"


def test_without_a_vocabulary_ids_are_taken_for_tokens_if_sizes_agree(tmp_path: Path) -> None:
    """
    The assumption is stated; embeddings of other sizes are not compared.
    """
    a = spoken(tmp_path / "a", random_state(LLAMA, 1), WORDS)
    mute = model_of(tmp_path / "b", random_state(LLAMA, 2), LLAMA)
    larger = LLAMA | {"vocab_size": 100}
    other = model_of(tmp_path / "c", random_state(larger, 2), larger)

    found = common_tokens(a, mute)

    assert isinstance(found, Tokens)
    assert "token ids are taken to mean the same" in found.note
    assert common_tokens(a, other) == "a vocabulary is missing and the embeddings have 96 and 100 rows"


def test_mismatched_vocabularies_are_told(tmp_path: Path) -> None:
    """
    Too few shared tokens leave nothing to compare.
    """
    a = spoken(tmp_path / "a", random_state(LLAMA, 1), WORDS)
    b = spoken(tmp_path / "b", random_state(LLAMA, 2), [*WORDS[:10], *(f"v{i}" for i in range(86))])

    assert common_tokens(a, b) == "the vocabularies share 10 tokens, fewer than 64"


def test_tokens_beyond_the_embedding_are_left_out(tmp_path: Path) -> None:
    """
    A tokenizer with more tokens than the embedding has rows does no harm.
    """
    a = spoken(tmp_path / "a", random_state(LLAMA, 1), [*WORDS, "more", "and more"])

    found = common_tokens(a, a)

    assert isinstance(found, Tokens)
    assert found.suspect.max() == 95


def test_dimensions_of_a_copy_are_most_like_themselves(tmp_path: Path) -> None:
    """
    One block over all dimensions, whichever order the tokens are stored in; an untied head counts, too.
    """
    state = random_state(LLAMA, 1) | {"lm_head.weight": np.random.default_rng(3).normal(size=(96, 24)).astype(np.float32)}
    turned = state | {name: state[name][::-1] for name in ("model.embed_tokens.weight", "lm_head.weight")}
    a, b = spoken(tmp_path / "a", state, WORDS), spoken(tmp_path / "b", turned, WORDS[::-1])
    tokens = common_tokens(a, b)
    assert isinstance(tokens, Tokens)

    found = list(stream_pairs(a, b, tokens, 512, 1))

    assert len(found) == 1
    assert np.allclose(np.diag(found[0].similarity), 2.0, atol=1e-5)
    assert np.array_equal(found[0].similarity.argmax(axis=1), np.arange(24))


def test_other_widths_are_not_compared(tmp_path: Path) -> None:
    """
    Dimensions of models of other widths have no common places.
    """
    wide = LLAMA | {"hidden_size": 32}
    a = model_of(tmp_path / "a", random_state(LLAMA, 1), LLAMA)
    b = model_of(tmp_path / "b", random_state(wide, 1), wide)
    tokens = common_tokens(a, b)
    assert isinstance(tokens, Tokens)

    assert list(stream_pairs(a, b, tokens, 512, 1)) == []


def test_quantised_embeddings_are_compared_run_by_run(tmp_path: Path) -> None:
    """
    Where both embeddings are quantised, dimensions change places only inside runs that share one scale.
    """
    config = LLAMA | {"hidden_size": 64}
    state = random_state(config, 1)
    q4, q8 = (read_names(open_weights(write_gguf(tmp_path / f"{k}.gguf", state, config, k))) for k in ("Q4_0", "Q8_0"))
    plain = read_names(open_weights(write_gguf(tmp_path / "f.gguf", state, config, "F32")))
    tokens = Tokens(np.arange(96), np.arange(96), "")

    both = [(pair.label, len(pair.similarity)) for pair in stream_pairs(q4, q8, tokens, 512, 1)]
    one = [(pair.label, len(pair.similarity)) for pair in stream_pairs(q4, plain, tokens, 512, 1)]

    assert both == [("run 0", 32), ("run 1", 32)]
    assert one == [("", 64)]
