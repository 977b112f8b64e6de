"""
Writes docs/reference/evidence.md from the detectors, their examples and their rates: python docs/generate_evidence.py

A test holds the page against what this gives, so that no detector can go undocumented.
"""

import inspect
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.evidence import DETECTORS, Detector
from stillwatch.evidence.base import Example
from stillwatch.evidence.rates import shipped
from stillwatch.records.tables import GROUPS
from stillwatch.settings import EngineSettings

PAGE = Path(__file__).parent / "reference" / "evidence.md"
HEAD = """\
# Evidence

Each detector says one thing about each group of accounts, in bits: log2 of the likelihood ratio campaign : background, where
background is ordinary groups that share a recipe. 0.0 means that it cannot tell. A detector that lacks a column is skipped,
and the scan says so.

Detectors that see the same behaviour are one family: of a family the strongest weight for a campaign counts, and evidence
against always counts. The families are `pool` (one pool of prompts dealt out, or a shared list), `timing`, `release`,
`infrastructure`, `homogeneity` (accounts made and used alike), `relay` (many end users behind one account),
`replay` (a model's encrypted reasoning sent back by others) and `peers` (what other providers saw; it moves no p-value). Even volumes alone stay below the three bits from which a family counts.

No detector looks at what is asked, or at a country, a language or an hour of the day as such.

Every constant is in `src/stillwatch/evidence/rates.json`, with where it comes from; `stillwatch.evidence.fit` refits it from
labelled groups. The promises that every detector keeps are in `tests/contract/test_detectors.py`.

This page is written by `docs/generate_evidence.py` from the docstrings; the bits of the examples are computed, not typed.
"""


def page() -> str:
    """The whole page."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [HEAD, _overview(), *(_section(group, Path(folder)) for group in _by_class()), _rates()]
    return "\n".join(parts)


def _overview() -> str:
    rows = [f"| `{d.name}` | {d.family} | {', '.join(sorted(d.needs))} | {d.cap_bits:g} |" for d in DETECTORS]
    return "\n".join(["| detector | family | needs | cap, bits |", "|---|---|---|---|", *rows, ""])


def _by_class() -> list[list[Detector]]:
    found: dict[type, list[Detector]] = {}
    for detector in DETECTORS:
        found.setdefault(type(detector), []).append(detector)
    return list(found.values())


def _section(detectors: list[Detector], folder: Path) -> str:
    text, references = _told(type(detectors[0]))
    title = ", ".join(f"`{d.name}`" for d in detectors)
    shown = detectors[0]
    lines = [f"| {e.title} | {_bits(shown, e, folder / shown.name / str(i)):+.1f} |" for i, e in enumerate(shown.examples())]
    table = "\n".join(["| example | bits |", "|---|---|", *lines])
    of = f" (shown for `{shown.name}`)" if len(detectors) > 1 else ""
    return f"## {title}\n\n{text}\n\nReferences: {references}\n\nExamples{of}:\n\n{table}\n"


def _told(kind: type) -> tuple[str, str]:
    """The docstring as Markdown without its arguments, and its references."""
    head, _, references = inspect.cleandoc(kind.__doc__ or "").partition("\nReferences:\n")
    head = head.partition("\nArgs:\n")[0].strip()
    first, _, rest = head.partition("\n\n")
    marked = re.sub(r"^(Null|Formula|Blind to|Cost): ", r"- **\1**: ", rest, flags=re.MULTILINE)
    listed = re.sub(r"(?<!\n)\n(- \*\*)", r"\n\1", marked)
    return f"**{first}**\n\n{listed}", " ".join(references.split())


def _bits(detector: Detector, example: Example, root: Path) -> float:
    with DuckDBEngine(root, EngineSettings(workers=1, memory_gb=1.0)) as engine:
        example.scene.store(engine)
        told = detector.detect(engine, engine.read(GROUPS), example.scene.window)
    return float(told["weight_bits"][0].as_py()) + 0.0


def _rates() -> str:
    tree: dict[str, Any] = asdict(shipped())
    provenance = tree.pop("provenance")
    lines = [f"| {name} | {value:g} |" for name, value in _flat(tree)]
    return "\n".join(["## Rates", "", provenance, "", "| constant | value |", "|---|---|", *lines, ""])


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in tree.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
