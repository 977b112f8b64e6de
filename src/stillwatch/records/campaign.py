"""
What a scan found: exactly the contents of `campaigns.json`.

`Document` is the whole file. Every record is frozen and checks itself; fields are declared by `fields.Told`, from which the
JSON Schema that we publish (`campaigns.schema.json`) is made. A new field raises the minor schema version, a changed or
removed one the major; readers accept every minor version of their major.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Annotated, Any, Self

from stillwatch.errors import LogFormatError
from stillwatch.records import fields
from stillwatch.records.fields import Told
from stillwatch.records.window import Window as Window

SCHEMA_VERSION = "1.1"
SCHEMA_FILE = "campaigns.schema.json"
SCHEMA_ID = "urn:stillwatch:schema:campaigns:1"
VERDICTS = ("cleared", "watched", "likely", "confirmed")
TIERS = ("T0", "T1", "T2")
SUM_TOLERANCE_BITS = 0.05  # rounding of a waterfall's bars against its score


@dataclass(frozen=True, slots=True)
class ColumnCoverage:
    """How much of one column of `exchanges` the log had."""

    name: Annotated[str, Told("column of the table `exchanges`")]
    share: Annotated[float, Told("share of exchanges in which it is not null, 0…1", 0, 1)]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A detector that could not be run on this log."""

    detector: Annotated[str, Told("name of the detector")]
    reason: Annotated[str, Told("why, in words: the columns that it needs and the log lacks")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the log had, and what was left out of it."""

    tier: Annotated[str, Told("T0 metadata only, T1 keyed signatures only, T2 full text", words=TIERS)]
    formats: Annotated[tuple[str, ...], Told("log formats that were read")]
    n_files: Annotated[int, Told("files read", 0)]
    n_lines: Annotated[int, Told("lines or rows read, bad and doubled ones included", 0)]
    n_bad_lines: Annotated[int, Told("lines that are no exchange; each is in the quarantine file", 0)]
    n_duplicates: Annotated[int, Told("exchanges whose exchange_id had been seen before; left out", 0)]
    quarantine: Annotated[str | None, Told("file of the bad lines, relative to the results folder; null where there are none")]
    columns: Annotated[tuple[ColumnCoverage, ...], Told("every column of `exchanges`, with its share of non-null values")]
    unknown_columns: Annotated[tuple[str, ...], Told("names in the log that mean nothing to Stillwatch; left out")]
    skipped: Annotated[tuple[Skipped, ...], Told("detectors that could not be run, each with its reason")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Reference:
    """The benign groups that the scores were held against."""

    kind: Annotated[str, Told("shipped with Stillwatch, or this log's own", words=("shipped", "own"))]
    n_groups: Annotated[int, Told("benign groups in it", 0)]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One model that a campaign asked."""

    model: Annotated[str, Told("model asked for, as in the log")]
    n_exchanges: Annotated[int, Told("exchanges of the campaign with it", 0)]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class RecipeUse:
    """One recipe that a campaign runs."""

    id: Annotated[str, Told("16 hex digits: the recipe's digest, as `recipe` in exchanges.parquet")]
    share: Annotated[float, Told("share of the campaign's exchanges that run it, 0…1", 0, 1)]
    n_accounts: Annotated[int, Told("accounts of the campaign that run it", 0)]
    shape: Annotated[str, Told("what kind of recipe: wording, contract or semantic, and its size, in words")]
    sketch: Annotated[str | None, Told("redacted wording; null where fewer than 20 accounts share it or the log had no text")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Null:
    """What a statistic would be on background traffic."""

    mean: Annotated[float, Told("mean of the statistic under the detector's null")]
    sd: Annotated[float | None, Told("its standard deviation under the null; null where the null is a point", 0)]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One detector's statement on a campaign."""

    channel: Annotated[str, Told("name of the detector")]
    family: Annotated[str, Told("detectors that see the same behaviour; of a family only the strongest counts")]
    weight_bits: Annotated[float, Told("log2 likelihood ratio campaign : background; negative speaks for background")]
    statistic: Annotated[float | None, Told("the observed statistic; null where it could not be computed")]
    null: Annotated[Null | None, Told("the statistic under the null; null where the detector has none")]
    n: Annotated[int, Told("observations it stands on", 0)]
    in_words: Annotated[str, Told("one sentence with the numbers, never a customer's text")]
    counted: Annotated[bool, Told("is it part of the score? false where a stronger one of its family speaks")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Alternative:
    """A benign explanation that was weighed against the campaign."""

    name: Annotated[str, Told("for example: evaluation harness, classroom, agent framework, batch customer")]
    bits: Annotated[float, Told("log2 likelihood ratio campaign : this explanation; positive speaks against the explanation")]
    in_words: Annotated[str, Told("one sentence: what decided it")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Economics:
    """What was harvested, and what it is worth."""

    prompt_tokens: Annotated[int, Told("tokens sent in the campaign's exchanges", 0)]
    completion_tokens: Annotated[int, Told("tokens of the answers", 0)]
    reasoning_tokens: Annotated[int, Told("tokens of hidden reasoning", 0)]
    list_price_usd: Annotated[float | None, Told("US dollars at list price; null where no price is known", 0)]
    remake_cost_usd: Annotated[float | None, Told("US dollars to make the same data otherwise; null where not estimated", 0)]
    basis: Annotated[str, Told("where the prices and estimates come from, in words")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A permission, from the registry, that covers the campaign or a part of it."""

    holder: Annotated[str, Told("who holds it: the organisation, as the registry names it")]
    purpose: Annotated[str, Told("what for, as the registry says")]
    max_exchanges: Annotated[int | None, Told("exchanges allowed; null where there is no limit", 0)]
    valid_until: Annotated[datetime | None, Told("first instant at which it no longer holds; null where it does not end")]
    n_accounts: Annotated[int, Told("accounts of the campaign that it covers", 0)]
    suppressed: Annotated[bool, Told("does it lift the verdict? false where it is exceeded, over, or covers too little")]
    in_words: Annotated[
        str, Told("one sentence: how much of the campaign it covers, and why it does or does not lift the verdict")
    ]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Memberships:
    """Accounts of a campaign by how surely they belong."""

    core: Annotated[int, Told("accounts that may be acted on", 0)]
    probable: Annotated[int, Told("accounts to look at", 0)]
    touched: Annotated[int, Told("accounts that share something with the campaign; never acted on, not in n_accounts", 0)]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One group of accounts that harvests together, by its evidence."""

    campaign_id: Annotated[str, Told("'c-' and 12 hex digits, stable under renaming rows")]
    verdict: Annotated[str, Told("a scan says watched or likely; only a ruling clears or confirms", words=VERDICTS)]
    score_bits: Annotated[float, Told("base_bits and the weights of all evidence that counts, summed, bits")]
    base_bits: Annotated[float, Told("bits before any evidence is heard; 0 = even odds")]
    p_value: Annotated[float, Told("chance that a benign group of its stratum scores as high, 0…1", 0, 1)]
    q_value: Annotated[float, Told("expected share of false campaigns among those at least as good, 0…1", 0, 1)]
    stratum: Annotated[str, Told("stratum of the reference that it was judged in")]
    n_families: Annotated[int, Told("independent families of evidence that speak for it", 0)]
    n_accounts: Annotated[int, Told("accounts at core or probable", 0)]
    members: Annotated[Memberships, Told("accounts by membership")]
    n_exchanges: Annotated[int, Told("exchanges attributed to it; cover traffic is not in it", 0)]
    first_seen: Annotated[datetime, Told("first attributed exchange, UTC")]
    last_seen: Annotated[datetime, Told("last attributed exchange, UTC")]
    models: Annotated[tuple[ModelUse, ...], Told("models asked, most used first")]
    recipes: Annotated[tuple[RecipeUse, ...], Told("recipes run, most used first")]
    evidence: Annotated[
        tuple[EvidenceItem, ...], Told("every detector's statement, also those that do not count or speak against")
    ]
    alternatives: Annotated[tuple[Alternative, ...], Told("benign explanations weighed, the one hardest to rule out first")]
    economics: Annotated[Economics, Told("what was harvested, and what it is worth")]
    entitlement: Annotated[Entitlement | None, Told("a permission that covers it, or null")]

    def __post_init__(self) -> None:
        fields.check(self)
        if self.n_accounts != self.members.core + self.members.probable:
            raise ValueError("Campaign.n_accounts must be the number of accounts at core or probable")
        if self.last_seen < self.first_seen:
            raise ValueError("Campaign.last_seen lies before Campaign.first_seen")
        counted = sum(e.weight_bits for e in self.evidence if e.counted)
        if abs(self.base_bits + counted - self.score_bits) > SUM_TOLERANCE_BITS:
            raise ValueError("Campaign.score_bits is not the sum of base_bits and the evidence that counts")

    @property
    def headline(self) -> str:
        """The finding in a handful of words; also right for a licensed distiller, because it names what is seen and no motive."""
        return f"one pool harvested through {self.n_accounts:,} account{'' if self.n_accounts == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that this log could not have shown."""

    name: Annotated[str, Told("short name of the blind spot")]
    in_words: Annotated[str, Told("one sentence: what would not be seen, and what would make it visible")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """The smallest planted campaign of one shape and cover that this log would have shown."""

    shape: Annotated[str, Told("kind of campaign that was planted")]
    cover: Annotated[float, Told("share of its accounts' traffic that is cover, 0…1", 0, 1)]
    n_accounts: Annotated[
        int | None, Told("accounts of the smallest one that is seen with all larger ones; null where none is", 0)
    ]
    requests_per_account: Annotated[int | None, Told("its requests an account, cover included; null where none is", 0)]
    n_planted: Annotated[int, Told("campaigns of this shape and cover that were planted", 0)]
    n_seen: Annotated[int, Told("of these, campaigns that would be likely", 0)]
    in_words: Annotated[str, Told("one sentence")]

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True)
class Document:
    """The whole of `campaigns.json`: what a scan of one log in one window found."""

    schema_version: Annotated[str, Told("major.minor of this format")]
    stillwatch_version: Annotated[str, Told("version of Stillwatch that wrote it")]
    engine: Annotated[str, Told("engine that ran the stages; results do not depend on it")]
    window: Annotated[Window, Told("the window that was judged")]
    n_exchanges: Annotated[int, Told("exchanges judged", 0)]
    n_accounts: Annotated[int, Told("accounts in the log", 0)]
    n_groups: Annotated[int, Told("groups of accounts tested", 0)]
    coverage: Annotated[Coverage, Told("what the log had")]
    settings_digest: Annotated[str, Told("16 hex digits over every setting that can move a result")]
    key_id: Annotated[str, Told("8 hex digits that name the key of the pseudonyms without revealing it")]
    reference: Annotated[Reference, Told("the benign groups that the scores were held against")]
    q: Annotated[float, Told("false-discovery rate of the verdict likely, 0…1", 0, 1)]
    watch_q: Annotated[float, Told("false-discovery rate of the verdict watched, 0…1", 0, 1)]
    campaigns: Annotated[tuple[Campaign, ...], Told("campaigns, strongest first")]
    limits: Annotated[tuple[Limit, ...], Told("what this log could not have shown")]
    frontier: Annotated[
        tuple[FrontierPoint, ...],
        Told(
            "smallest campaigns that this log would have shown, by planting; empty where none was planted; since 1.1", since="1.1"
        ),
    ] = ()

    def __post_init__(self) -> None:
        fields.check(self)
        if self.schema_version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            raise ValueError(f"Document.schema_version must be {SCHEMA_VERSION.partition('.')[0]}.x")
        identifiers = [c.campaign_id for c in self.campaigns]
        if len(set(identifiers)) != len(identifiers):
            raise ValueError("Document.campaigns names a campaign twice")

    def to_json(self) -> bytes:
        """The bytes of `campaigns.json`; the same document gives the same bytes."""
        return fields.to_json(self)

    @classmethod
    def from_json(cls, raw: bytes, where: str = "campaigns.json") -> Self:
        """
        Read a document of this major version.

        Raises:
            LogFormatError: not JSON, another major version, or not what the schema says.
        """
        return fields.from_json(cls, raw, where)

    def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign of that id, or None."""
        return next((c for c in self.campaigns if c.campaign_id == campaign_id), None)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `campaigns.json`, made from the records above."""
    return fields.json_schema(Document, SCHEMA_ID)


def published_schema() -> bytes:
    """The schema file that the package ships; a test holds it against `json_schema()`."""
    try:
        return resources.files("stillwatch.records").joinpath(SCHEMA_FILE).read_bytes()
    except OSError as error:
        raise LogFormatError(f"{SCHEMA_FILE}: missing from this installation. Install Stillwatch again") from error
