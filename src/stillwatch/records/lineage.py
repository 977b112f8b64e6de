"""
What lineage tests found: exactly the contents of `lineage.json`, and of the statement inside a signed evidence bundle.

`LineageDocument` is the whole file. A p-value is never stored alone: `Proof` holds the numbers from which anybody can compute it
again. p-values are kept as log10, because exact ones go far below what a float holds.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Annotated, Any

from stillwatch.records import fields
from stillwatch.records.fields import Told

SCHEMA_VERSION = "1.1"
SCHEMA_FILE = "lineage.schema.json"
SCHEMA_ID = "urn:stillwatch:schema:lineage:1"
VERDICTS = ("exact reject of independence", "calibrated", "compatible", "excluded", "no power")
PICTURES = ("null", "strip", "matrix")
PROOFS = ("rank", "panel", "key", "order", "normal", "combined", "fixed")


@dataclass(frozen=True, slots=True)
class Proof:
    """The numbers from which one p-value is computed again; which of them are there depends on `kind`."""

    kind: Annotated[
        str,
        Told(
            "rank: of observed among draws · panel: of observed among strangers' scores (draws) · key: n_agree of the choices"
            " counted in sizes agree, each by chances · order: values against order, observed is their Spearman correlation"
            " · normal: observed as a standard score · combined: of the p-values draws (log10), Fisher"
            " · fixed: n_agree of the units in uniform permutations of these sizes stay in place",
            words=PROOFS,
        ),
    ]
    observed: Annotated[float | None, Told("the observed statistic")] = None
    draws: Annotated[tuple[float, ...], Told("the statistic under the null, as drawn")] = ()
    chances: Annotated[tuple[float, ...], Told("chance of one agreement, a group of choices with equal chance each", 0, 1)] = ()
    sizes: Annotated[tuple[int, ...], Told("choices in each of these groups, or units of each permutation", 0)] = ()
    n_agree: Annotated[int, Told("agreements, or units in their place, observed", 0)] = 0
    values: Annotated[tuple[float, ...], Told("the suspect's log-likelihood of each training text")] = ()
    order: Annotated[tuple[float, ...], Told("place of each text in the owner's training order")] = ()
    questions: Annotated[int, Told("such questions asked of the same pair at once: p is multiplied by it (Bonferroni)", 1)] = 1

    shuffles: Annotated[
        int, Told("orders drawn at most; 0 in documents before 1.1: by Student's t; since 1.1", 0, since="1.1")
    ] = 0
    seed: Annotated[int, Told("of these shuffles; since 1.1", 0, since="1.1")] = 0

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One row of a result: a symmetry, a layer, a probe."""

    name: Annotated[str, Told("what the row is about")]
    n: Annotated[int, Told("observations of the row", 0)]
    statistic: Annotated[float, Told("its statistic")]
    log10_p: Annotated[float | None, Told("log10 of its p-value; null where the row carries none", None, 0)]
    note: Annotated[str, Told("one phrase, or empty")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class RowRecord:
    """One row of a matrix picture."""

    label: Annotated[str, Told("what the row is")]
    values: Annotated[tuple[float, ...], Told("one value a column")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """What the report draws for a result."""

    kind: Annotated[
        str, Told("null: draws with the observed value · strip: one value a label · matrix: rows against labels", words=PICTURES)
    ]
    title: Annotated[str, Told("what is drawn")]
    unit: Annotated[str, Told("unit of the values, or empty")]
    labels: Annotated[tuple[str, ...], Told("of the strip's values or the matrix's columns")]
    values: Annotated[tuple[float, ...], Told("the strip's values, or draws from the null")]
    observed: Annotated[float | None, Told("the observed value beside a null")]
    top: Annotated[float | None, Told("the strip's value that means full agreement")]
    rows: Annotated[tuple[RowRecord, ...], Told("the matrix")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """What one test says about the suspect and one base."""

    test: Annotated[str, Told("name of the test")]
    suspect: Annotated[str, Told("the model in question, as named on the command line, without credentials")]
    base: Annotated[str, Told("the candidate it was held against")]
    verdict: Annotated[str, Told("one of five", words=VERDICTS)]
    sentence: Annotated[str, Told("the verdict for a person, with its numbers")]
    null: Annotated[str, Told("the null hypothesis, in words")]
    exact: Annotated[bool, Told("is the p-value valid at any sample size under the stated assumptions?")]
    log10_p: Annotated[float | None, Told("log10 of p before Holm; null where the test has no p-value", None, 0)]
    holm_log10_p: Annotated[float | None, Told("log10 of p after Holm over all candidates and tests of the run", None, 0)]
    statistic: Annotated[float | None, Told("the observed statistic")]
    null_mean: Annotated[float | None, Told("its mean under the null, where known")]
    null_sd: Annotated[float | None, Told("its standard deviation under the null, where known", 0)]
    n: Annotated[int, Told("observations the statistic stands on", 0)]
    draws: Annotated[int, Told("Monte Carlo draws; 0 where p is a closed form", 0)]
    seed: Annotated[int, Told("of these draws", 0)]
    assumptions: Annotated[tuple[str, ...], Told("what must hold for the p-value to mean what it says")]
    panel_id: Annotated[str | None, Told("the panel of strangers it was calibrated on")]
    proof: Annotated[Proof | None, Told("the numbers from which p is computed again")]
    parts: Annotated[tuple[PartRecord, ...], Told("rows of detail")]
    pictures: Annotated[tuple[PictureRecord, ...], Told("what the report draws")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A test that was not run."""

    test: Annotated[str, Told("name of the test")]
    base: Annotated[str | None, Told("the candidate; null where the suspect itself does not permit the test")]
    reason: Annotated[str, Told("why, in words")]
    failed: Annotated[
        bool, Told("could it have run, but a model behind an address gave no usable answer? since 1.1", since="1.1")
    ] = False

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class DigestRecord:
    """A file (or the kept answers of an endpoint) that was read."""

    operand: Annotated[str, Told("the operand it belongs to")]
    name: Annotated[str, Told("file name, or address and model")]
    sha256: Annotated[str, Told("64 hex digits")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class LineageDocument:
    """The whole of `lineage.json`: one suspect against its candidate bases."""

    schema_version: Annotated[str, Told("major.minor of this format")]
    stillwatch_version: Annotated[str, Told("version of Stillwatch that wrote it")]
    made_at: Annotated[datetime, Told("when the run ended, UTC")]
    suspect: Annotated[str, Told("the model in question")]
    bases: Annotated[tuple[str, ...], Told("the candidates")]
    strangers: Annotated[tuple[str, ...], Told("unrelated controls")]
    seed: Annotated[int, Told("every random choice of every test derives from it", 0)]
    permutations: Annotated[int, Told("Monte Carlo draws asked for", 0)]
    alpha: Annotated[float, Told("level of the verdicts, after Holm", 0, 1)]
    panel_id: Annotated[str | None, Told("the panel file given")]
    digests: Annotated[tuple[DigestRecord, ...], Told("everything that was read")]
    results: Annotated[tuple[ResultRecord, ...], Told("what the tests say")]
    skipped: Annotated[tuple[SkippedRecord, ...], Told("tests that were not run, each with its reason")]

    def __post_init__(self) -> None:
        fields.check(self)
        if self.schema_version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            raise ValueError(f"LineageDocument.schema_version must be {SCHEMA_VERSION.partition('.')[0]}.x")


def to_json(document: LineageDocument) -> bytes:
    """The document as it is stored."""
    return fields.to_json(document)


def from_json(raw: bytes, where: str) -> LineageDocument:
    """
    Read `lineage.json` back.

    Raises:
        LogFormatError: not JSON, or not what this version writes.
    """
    return fields.from_json(LineageDocument, raw, where)


def published_schema() -> bytes:
    """The published JSON Schema of `lineage.json`, as shipped."""
    return resources.files("stillwatch.records").joinpath(SCHEMA_FILE).read_bytes()


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `lineage.json`, made from the records above."""
    return fields.json_schema(LineageDocument, SCHEMA_ID)
