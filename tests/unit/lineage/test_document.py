"""From a run to the records of lineage.json."""

from datetime import UTC, datetime

from stillwatch.lineage.base import (
    Comparison,
    Given,
    MatrixPicture,
    NullPicture,
    Part,
    Result,
    Skipped,
    StripPicture,
    Verdict,
)
from stillwatch.lineage.document import document
from stillwatch.lineage.proof import by_rank, recompute
from stillwatch.lineage.texts import Texts
from stillwatch.records.lineage import from_json, to_json

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_everything_a_run_found_is_in_the_document_and_comes_back() -> None:
    """Results with proofs and all three kinds of picture, skipped tests, digests of all that was read."""
    proof = by_rank(2.0, [1.0, 3.0])
    pictures = (
        NullPicture("null", (1.0, 3.0), 2.0, "nats"),
        StripPicture("strip", ("a", "b"), (0.5, 1.0)),
        MatrixPicture("matrix", ("r",), ("c", "d"), ((0.1, 0.2),)),
    )
    result = Result(
        "order",
        "s",
        "b",
        Verdict.NO_POWER,
        "words",
        "null",
        True,
        recompute(proof),
        2.0,
        parts=(Part("p", 1, 0.5),),
        pictures=pictures,
        proof=proof,
        holm_log10_p=0.0,
    )
    stranger = Texts("x", (), "cc")
    comparison = Comparison("s", ("b",), Given(strangers=(stranger,)), (result,), (Skipped("wire", None, "no endpoint"),))

    made = document(comparison, [Texts("s", (), "aa"), Texts("b", (), "bb"), stranger], NOW)

    assert to_json(from_json(to_json(made), "test")) == to_json(made)
    assert [(d.operand, d.sha256) for d in made.digests] == [("s", "aa"), ("b", "bb"), ("x", "cc")]
    assert made.results[0].proof == proof
    assert [p.kind for p in made.results[0].pictures] == ["null", "strip", "matrix"]
    assert made.results[0].pictures[2].rows[0].values == (0.1, 0.2)
    assert made.strangers == ("x",)
    assert made.skipped[0].base is None
