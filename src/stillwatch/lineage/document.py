"""From what a run found to the records of `lineage.json`."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from stillwatch.lineage.base import Comparison, MatrixPicture, NullPicture, Operand, Part, Picture, Result, Skipped
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


def document(comparison: Comparison, operands: Sequence[Operand], made_at: datetime) -> LineageDocument:
    """
    The document of a run.

    Args:
        comparison: What the run found.
        operands: Everything that was read: suspect, bases and strangers; each is hashed now.
        made_at: When the run ended, UTC.
    """
    given = comparison.given
    return LineageDocument(
        schema_version=SCHEMA_VERSION,
        stillwatch_version=version("stillwatch"),
        made_at=made_at,
        suspect=comparison.suspect,
        bases=comparison.bases,
        strangers=tuple(stranger.name for stranger in given.strangers),
        seed=given.seed,
        permutations=given.permutations,
        alpha=given.alpha,
        panel_id=given.panel.panel_id if given.panel else None,
        digests=tuple(
            DigestRecord(operand.name, name, sha256) for operand in operands for name, sha256 in sorted(operand.digests().items())
        ),
        results=tuple(_result(result) for result in comparison.results),
        skipped=tuple(_skipped(skipped) for skipped in comparison.skipped),
    )


def _result(result: Result) -> ResultRecord:
    return ResultRecord(
        test=result.test,
        suspect=result.suspect,
        base=result.base,
        verdict=result.verdict.value,
        sentence=result.sentence,
        null=result.null,
        exact=result.exact,
        log10_p=result.log10_p,
        holm_log10_p=result.holm_log10_p,
        statistic=result.statistic,
        null_mean=result.null_mean,
        null_sd=result.null_sd,
        n=result.n,
        draws=result.draws,
        seed=result.seed,
        assumptions=result.assumptions,
        panel_id=result.panel_id,
        proof=result.proof,
        parts=tuple(_part(part) for part in result.parts),
        pictures=tuple(_picture(picture) for picture in result.pictures),
    )


def _part(part: Part) -> PartRecord:
    return PartRecord(part.name, part.n, part.statistic, part.log10_p, part.note)


def _picture(picture: Picture) -> PictureRecord:
    if isinstance(picture, NullPicture):
        return PictureRecord("null", picture.title, picture.unit, (), picture.draws, picture.observed, None, ())
    if isinstance(picture, MatrixPicture):
        rows = tuple(RowRecord(label, values) for label, values in zip(picture.rows, picture.values, strict=True))
        return PictureRecord("matrix", picture.title, "", picture.columns, (), None, None, rows)
    return PictureRecord("strip", picture.title, "", picture.labels, picture.values, None, picture.top, ())


def _skipped(skipped: Skipped) -> SkippedRecord:
    return SkippedRecord(skipped.test, skipped.base, skipped.reason, skipped.failed)
