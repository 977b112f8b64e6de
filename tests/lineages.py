"""A lineage document with every verdict and every kind of picture, and strings of strangers that mean harm."""

from datetime import UTC, datetime

from stillwatch.records.lineage import (
    SCHEMA_VERSION,
    DigestRecord,
    LineageDocument,
    PartRecord,
    PictureRecord,
    ResultRecord,
    RowRecord,
    SkippedRecord,
)

HOSTILE = "<script>alert(1)</script>\"' \u202e\x1b[31m"


def result(test: str, base: str, verdict: str, log10_p: float | None = None) -> ResultRecord:
    """A result with all kinds of picture."""
    pictures = (
        PictureRecord("null", "Null", "nats", (), (0.1, 0.2, 0.3), 2.5, None, ()),
        PictureRecord("strip", "Strip", "", ("layer 1", HOSTILE), (0.5, 1.0), None, 1.0, ()),
        PictureRecord("matrix", "Matrix", "", ("c", "d"), (), None, None, (RowRecord(HOSTILE, (0.1, 0.9)),)),
        PictureRecord("strip", "Empty", "", (), (), None, None, ()),
    )
    return ResultRecord(
        test,
        "suspect",
        base,
        verdict,
        f"In words {HOSTILE}",
        "null",
        log10_p is not None,
        log10_p,
        log10_p,
        1.0,
        0.0,
        1.0,
        10,
        99,
        1,
        ("an assumption",),
        "panel-1",
        None,
        tuple(PartRecord(f"part {i}", 1, 0.5, -1.0 if i else None, HOSTILE) for i in range(500)),
        pictures,
    )


def a_lineage() -> LineageDocument:
    """Two bases, all five verdicts."""
    results = (
        result("weights-exact", "base A", "exact reject of independence", -16904.2),
        result("text-unkeyed", "base A", "calibrated", -1.3),
        result("wire", "base A", "compatible"),
        result("wire", HOSTILE, "excluded"),
        result("order", HOSTILE, "no power", -0.1),
    )
    return LineageDocument(
        SCHEMA_VERSION,
        "0.1.0",
        datetime(2026, 11, 24, 8, tzinfo=UTC),
        "suspect",
        ("base A", HOSTILE),
        (),
        1,
        999,
        0.01,
        None,
        (DigestRecord("base A", "model.safetensors", "ab" * 32),),
        results,
        (SkippedRecord("mix", None, "no weights"),),
    )
