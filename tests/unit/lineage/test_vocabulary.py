"""Byte strings of token ids."""

import json
from pathlib import Path

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.vocabulary import byte_alphabet, from_gguf, from_tokenizer_json, from_words, shared_tokens


def test_the_byte_alphabet_has_every_byte_once() -> None:
    """
    256 characters for 256 bytes.
    """
    assert sorted(byte_alphabet().values()) == list(range(256))


def test_both_ways_of_writing_tokens_give_the_same_bytes() -> None:
    """
    ' hé' is 'ĠhÃ©' in a byte-level vocabulary and '▁hé' in a SentencePiece one; added tokens stay as they are.
    """
    byte_level = from_words(["ĠhÃ©", "Ċ", "<|end▁of|>", None])
    pieces = from_words(["▁hé", "<0x0A>", "</s>", None])

    assert byte_level == (" hé".encode(), b"\n", "<|end▁of|>".encode(), None)
    assert pieces == (" hé".encode(), b"\n", b"</s>", None)


def test_tokens_come_from_gguf_metadata() -> None:
    """
    The token list of a GGUF is read; without one there is no vocabulary.
    """
    assert from_gguf({"tokenizer.ggml.tokens": [b"a", "Ġb".encode(), 5]}) == (b"a", b" b", None)
    assert from_gguf({}) is None


def test_tokens_come_from_a_tokenizer_file(tmp_path: Path) -> None:
    """
    A table (BPE) or a list (unigram) of tokens, with added tokens; ids that nobody names have no bytes.
    """
    path = tmp_path / "tokenizer.json"
    added = [{"content": "<s>", "id": 4}]

    path.write_text(json.dumps({"model": {"vocab": {"a": 0, "Ġb": 2}}, "added_tokens": added}))
    table = from_tokenizer_json(path)
    path.write_text(json.dumps({"model": {"vocab": [["▁a", -1.0], ["b", -2.0]]}}))

    assert table == (b"a", None, b" b", None, b"<s>")
    assert from_tokenizer_json(path) == (b" a", b"b")
    assert from_tokenizer_json(tmp_path / "absent.json") is None


@pytest.mark.parametrize("told", ["{", "{}", '{"model": {"vocab": {"a": "x"}}}', '{"model": {"vocab": [[]]}}'])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, told: str) -> None:
    """
    A broken file is named with the remedy.
    """
    (tmp_path / "tokenizer.json").write_text(told)

    with pytest.raises(LineageError, match=r"not a tokenizer: it needs model.vocab"):
        from_tokenizer_json(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("number", [-1, 10**12])
def test_ids_out_of_range_are_refused(tmp_path: Path, number: int) -> None:
    """
    A forged id can not make a list of a trillion entries.
    """
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": number}}}))

    with pytest.raises(LineageError, match="out of range"):
        from_tokenizer_json(tmp_path / "tokenizer.json")


def test_shared_tokens_are_equal_byte_strings() -> None:
    """
    Ids mean nothing across models; a string that is there twice counts once, ids without bytes not at all.
    """
    assert shared_tokens((b"a", b"b", None, b"a", b"c"), (b"c", None, b"a", b"c")) == [(0, 2), (4, 0)]
