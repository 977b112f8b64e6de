"""
The byte string of every token id, from a `tokenizer.json` or GGUF metadata.

Two models share a token where their byte strings are equal; ids mean nothing across models. Byte-level vocabularies (GPT-2)
write a byte as a printable character, SentencePiece ones write a space as '▁' and a byte as '<0x0A>'.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from stillwatch.errors import LineageError
from stillwatch.lineage.gguf_file import Value

Vocabulary = tuple[bytes | None, ...]
"""Token id -> bytes; None where an id has none."""

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


def byte_alphabet() -> dict[str, int]:
    """
    Printable character -> byte, as GPT-2's byte-level vocabularies write them.

    >>> byte_alphabet()["Ġ"], byte_alphabet()["A"]
    (32, 65)
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in set(plain)]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}


def from_words(words: Sequence[str | None]) -> Vocabulary:
    """Token strings as a tokenizer stores them -> byte strings. Byte-level if any token holds 'Ġ', else SentencePiece."""
    if any(word is not None and "Ġ" in word for word in words):
        alphabet = byte_alphabet()
        return tuple(None if word is None else _byte_level(word, alphabet) for word in words)
    return tuple(None if word is None else _sentence_piece(word) for word in words)


def _byte_level(word: str, alphabet: Mapping[str, int]) -> bytes:
    try:
        return bytes(alphabet[c] for c in word)
    except KeyError:
        return word.encode("utf-8", "surrogatepass")  # an added token is stored as it is


def _sentence_piece(word: str) -> bytes:
    byte = _BYTE_TOKEN.fullmatch(word)
    return bytes([int(byte[1], 16)]) if byte else word.replace("▁", " ").encode("utf-8", "surrogatepass")


def from_gguf(metadata: Mapping[str, Value]) -> Vocabulary | None:
    """The vocabulary in GGUF metadata; None where there is none."""
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list):
        return None
    return from_words([t.decode("utf-8", "surrogateescape") if isinstance(t, bytes) else None for t in tokens])


def from_tokenizer_json(path: Path) -> Vocabulary | None:
    """
    The vocabulary of a `tokenizer.json`; None where the file is absent.

    Raises:
        LineageError: the file is there but is no tokenizer.
    """
    if not path.is_file():
        return None
    try:
        tree = orjson.loads(path.read_bytes())
        vocabulary = tree["model"]["vocab"]
        pairs = (
            {str(word): int(i) for word, i in vocabulary.items()}
            if isinstance(vocabulary, dict)
            else {str(entry[0]): i for i, entry in enumerate(vocabulary)}
        )
        pairs |= {str(added["content"]): int(added["id"]) for added in tree.get("added_tokens", [])}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise LineageError(f"{path}: not a tokenizer: it needs model.vocab. Download it again, or remove it") from error
    if pairs and not 0 <= min(pairs.values()) <= max(pairs.values()) < 10_000_000:
        raise LineageError(f"{path}: token ids are out of range. Download it again, or remove it")
    words: list[str | None] = [None] * (max(pairs.values(), default=-1) + 1)
    for word, i in pairs.items():
        words[i] = word
    return from_words(words)


def shared_tokens(left: Vocabulary, right: Vocabulary) -> list[tuple[int, int]]:
    """Pairs of ids with equal byte strings, in the order of the left; the first id where a string is there twice."""
    there: dict[bytes, int] = {}
    for i, word in enumerate(right):
        if word is not None:
            there.setdefault(word, i)
    seen: set[bytes] = set()
    pairs = []
    for i, word in enumerate(left):
        if word is not None and word in there and word not in seen:
            seen.add(word)
            pairs.append((i, there[word]))
    return pairs
