"""Dials that are added later leave what was built before as it was."""

from pathlib import Path

import zstandard
from tests.golden import make

from stillwatch.worlds import build


def test_the_golden_world_is_built_again_to_the_byte(tmp_path: Path) -> None:
    """The same seed and dials give the stored log."""
    report = build(make.world(), make.SEED, tmp_path, form="ndjson")
    built = b"".join(p.read_bytes() for p in sorted(report.log.glob("*.ndjson")))
    with make.LOG.open("rb") as stored:
        kept = zstandard.ZstdDecompressor().stream_reader(stored).read()

    assert built == kept
