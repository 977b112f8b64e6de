"""The reference page of detectors."""

import runpy
from pathlib import Path


def test_every_detector_and_rate_is_documented() -> None:
    """The page is the one that docstrings, examples and rates give; if not, run docs/generate_evidence.py."""
    docs = Path(__file__).parents[3] / "docs"
    generator = runpy.run_path(str(docs / "generate_evidence.py"))

    assert (docs / "reference" / "evidence.md").read_text("utf-8") == generator["page"]()
