"""Tokenizers of checkpoints."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stillwatch.errors import LineageError
from stillwatch.lineage.tokenizers import PRE_TOKENIZERS, byte_level, from_gguf, from_tokenizer_json, of_weights
from stillwatch.lineage.vocabulary import byte_alphabet
from stillwatch.lineage.weights import Weights, open_weights

WORDS = [*byte_alphabet(), "th", "the", "Ġthe"]
MERGES = [b"t h", b"th e", "Ġ the".encode()]


def metadata(pre: bytes = b"gpt-2") -> dict[str, Any]:
    """What a GGUF file says of a small byte-level tokenizer."""
    return {
        "tokenizer.ggml.model": b"gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": [w.encode() for w in WORDS],
        "tokenizer.ggml.merges": list(MERGES),
    }


def test_merges_make_tokens() -> None:
    """Byte-level BPE: merged words are one token, all else is its bytes."""
    tokenizer = from_gguf(metadata(), "toy")

    assert tokenizer.count("the the") == 2
    assert tokenizer.count("é") == 2
    assert tokenizer.count("") == 0


@pytest.mark.parametrize(("pre", "digits"), [("gpt-2", 1), ("llama-bpe", 2), ("qwen2", 4), ("smollm", 4)])
def test_each_kind_of_splits_cuts_digits_its_own_way(pre: str, digits: int) -> None:
    """GPT-2 keeps digits together, Llama 3 takes three, Qwen and SmolLM one."""
    vocabulary = {w: i for i, w in enumerate([*byte_alphabet(), "12", "123", "1234"])}

    tokenizer = byte_level(vocabulary, [("1", "2"), ("12", "3"), ("123", "4")], PRE_TOKENIZERS[pre])

    assert tokenizer.count("1234") == digits


def test_a_tokenizer_that_cannot_be_rebuilt_says_what_would_help() -> None:
    """Unknown splits and other kinds point to tokenizer.json."""
    with pytest.raises(LineageError, match=r"splits 'tekken'.*tokenizer\.json"):
        from_gguf(metadata(b"tekken"), "toy")
    with pytest.raises(LineageError, match="kind 'None'"):
        from_gguf({}, "toy")


def test_a_checkpoint_brings_its_tokenizer(tmp_path: Path) -> None:
    """A folder by tokenizer.json; without one the error says so."""
    save_file({"w": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(LineageError, match=r"no tokenizer\.json beside the weights"):
        of_weights(open_weights(tmp_path))
    steps = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {w: i for i, w in enumerate(WORDS)}, "merges": [["t", "h"], ["th", "e"], ["Ġ", "the"]]}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0", "pre_tokenizer": steps, "model": model}))

    assert of_weights(open_weights(tmp_path)).count("the the") == 2


def test_gguf_files_bring_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .gguf operand is read from its metadata."""
    from stillwatch.lineage import tokenizers
    from stillwatch.lineage.decode import GGUF_CODES
    from stillwatch.lineage.place import Place

    monkeypatch.setattr(tokenizers, "read_gguf", lambda path: (metadata(), {}))
    code = next(iter(GGUF_CODES.values()))
    weights = Weights("toy", {"w": Place(tmp_path / "toy.gguf", 0, (1, 32), code)}, None, {})

    assert of_weights(weights).count("the the") == 2


def test_a_damaged_tokenizer_file(tmp_path: Path) -> None:
    """What the package cannot read is an error with a remedy."""
    (tmp_path / "tokenizer.json").write_text("{}")

    with pytest.raises(LineageError, match="Download it again"):
        from_tokenizer_json(tmp_path / "tokenizer.json")
