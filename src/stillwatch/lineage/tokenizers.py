"""
Count tokens as a checkpoint's own tokenizer does: from `tokenizer.json`, or from the metadata of a GGUF file.

Only counts are needed, and only of our probes; nothing here encodes a customer's text.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import tokenizers
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps

from stillwatch.errors import LineageError
from stillwatch.lineage.gguf_file import Value, read_gguf
from stillwatch.lineage.weights import Weights

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

# `tokenizer.ggml.pre` -> the splits it stands for (llama.cpp, src/llama-vocab.cpp). Only those that a test holds against the
# real tokenizer are here; for others a `tokenizer.json` beside the weights is exact.
PRE_TOKENIZERS: Mapping[str, tuple[str, ...]] = {
    "gpt-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "llama-bpe": (_LLAMA3,),
    "qwen2": (_QWEN2,),
}


class Counter(Protocol):
    """Counts tokens."""

    def count(self, text: str) -> int:
        """Tokens of a text, without any that mark beginning or end."""
        ...


class FileTokenizer:
    """A tokenizer as the `tokenizers` package runs it."""

    def __init__(self, held: tokenizers.Tokenizer) -> None:
        self._held = held

    def count(self, text: str) -> int:
        """Tokens of a text, without any that mark beginning or end."""
        return len(self._held.encode(text, add_special_tokens=False).ids)


def of_weights(weights: Weights) -> FileTokenizer:
    """
    The tokenizer that a checkpoint brings.

    Raises:
        LineageError: it brings none, or one that cannot be rebuilt.
    """
    path = next(iter(weights.places.values())).path
    beside = path.parent / "tokenizer.json"
    if path.suffix == ".gguf":
        return from_gguf(read_gguf(path)[0], weights.name)
    if not beside.is_file():
        raise LineageError(f"{weights.name}: no tokenizer.json beside the weights. Download it to compare token counts")
    return from_tokenizer_json(beside)


def from_tokenizer_json(path: Path) -> FileTokenizer:
    """
    Read a `tokenizer.json`.

    Raises:
        LineageError: it is no tokenizer that the installed package reads.
    """
    try:
        return FileTokenizer(tokenizers.Tokenizer.from_file(str(path)))
    except Exception as error:  # the package raises bare Exception for every fault
        raise LineageError(f"{path}: not a tokenizer that the installed 'tokenizers' package reads. Download it again") from error


def from_gguf(metadata: Mapping[str, Value], name: str) -> FileTokenizer:
    """
    Rebuild a byte-level BPE tokenizer from GGUF metadata.

    Raises:
        LineageError: another kind of tokenizer, or splits that Stillwatch does not know.
    """
    kind, pre = _text(metadata.get("tokenizer.ggml.model")), _text(metadata.get("tokenizer.ggml.pre"))
    if kind != "gpt2" or pre not in PRE_TOKENIZERS:
        raise LineageError(
            f"{name}: its tokenizer is of kind '{kind}' with splits '{pre}', which Stillwatch cannot rebuild from GGUF."
            " Give the folder with its tokenizer.json"
        )
    words, merges = _texts(metadata.get("tokenizer.ggml.tokens")), _texts(metadata.get("tokenizer.ggml.merges"))
    return byte_level({word: i for i, word in enumerate(words)}, [_pair(merge) for merge in merges], PRE_TOKENIZERS[pre])


def byte_level(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], splits: Sequence[str]) -> FileTokenizer:
    """A byte-level BPE tokenizer from its parts."""
    held = tokenizers.Tokenizer(BPE(dict(vocabulary), list(merges)))
    cuts = [Split(tokenizers.Regex(split), "isolated") for split in splits]
    held.pre_tokenizer = Steps([*cuts, ByteLevel(add_prefix_space=False, use_regex=False)])
    return FileTokenizer(held)


def _text(value: Value | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _texts(value: Value | None) -> list[str]:
    return [_text(item) for item in value] if isinstance(value, list) else []


def _pair(merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    return left, right
