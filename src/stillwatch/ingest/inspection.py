"""What a log holds, before anything is scored: formats, mapping, coverage, tier, what can be seen and what cannot."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import LogFormatError
from stillwatch.ingest.base import BadLine, LogFile, Piece, Skipped, Source, Split
from stillwatch.records.coverage import Coverage
from stillwatch.settings import IngestSettings

FED_BY: Mapping[str, tuple[str, ...]] = {  # column of `signatures` -> columns of `exchanges`, any of which fills it
    "org": ("org_id",),
    "end_user": ("end_user_id",),
    "session": ("session_id",),
    "payment": ("payment_id",),
    "device": ("device_id",),
    "client": ("client_fingerprint",),
    "network": ("ip",),
    "exact": ("prompt", "system_prompt"),
    "system": ("system_prompt",),
    "fragments": ("prompt", "system_prompt"),
    "contract": ("prompt", "system_prompt"),
    "semantic_hi": ("prompt",),
    "semantic_lo": ("prompt",),
    "tokens": ("prompt",),
    "fill": ("prompt",),
    "elicitation": ("prompt",),
    "blobs": ("prompt", "messages"),
}
Read = Callable[[Split, IngestSettings], Iterator[Piece]]
_SHOWN_BAD = 5


@dataclass(frozen=True, slots=True)
class Sense:
    """A kind of evidence: whether this log lets it speak, and on what share of the exchanges; `lacks` names what is missing."""

    name: str
    family: str
    share: float
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """
    What a log holds.

    Args:
        tier: T0 metadata only, T1 signatures, T2 full text.
        sampled: True where only a part was read; every count is then of that part.
        n_accounts, n_models: Distinct values in what was read.
        n_doubled: Rows whose exchange_id an earlier row had.
        n_future: Rows that claim to be more than a day ahead of this machine's clock.
        bad: The first bad lines; `n_bad` counts all.
        same_share: Share of exchanges whose prompt is the most frequent one; None without prompts.
    """

    files: tuple[LogFile, ...]
    skipped: tuple[Skipped, ...]
    tier: str
    coverage: Coverage
    sampled: bool
    n_bytes: int
    n_accounts: int
    n_models: int
    n_doubled: int
    n_future: int
    n_bad: int
    bad: tuple[BadLine, ...]
    first_seen: datetime | None
    last_seen: datetime | None
    same_share: float | None

    @property
    def signed(self) -> bool:
        """Does it hold signatures instead of exchanges?"""
        return all(f.table == "signatures" for f in self.files)

    @property
    def mapping(self) -> Mapping[str, str]:
        """Canonical column -> the log's own name, over all files."""
        return {c: own for f in self.files for c, own in f.mapping.items()}


@dataclass(slots=True)
class _Tally:
    coverage: Coverage
    n_bad: int
    bad: list[BadLine]
    columns: list[pa.RecordBatch]


def inspect(
    source: Source, settings: IngestSettings, read: Read, most_rows: int | None, now: datetime | None = None
) -> Inspection:
    """
    Read a log, or an evenly spread part of it, and count.

    Args:
        read: Gives the pieces of a split.
        most_rows: Read about so many rows; None reads all.
        now: The clock that future times are held against; None is this machine's.

    Raises:
        LogFormatError: nothing in it is an exchange, or the share of good lines is below `min_good_share`.
    """
    tally = _Tally(Coverage(), 0, [], [])
    quota, chosen = _chosen(source.splits, settings.split_rows, most_rows)
    sampled = len(chosen) < len(source.splits)
    for split in chosen:
        n_read = 0
        for piece in read(split, settings):
            _count(tally, piece)
            n_read += piece.n_rows + len(piece.bad)
            if quota is not None and n_read >= quota:
                sampled = sampled or quota < settings.split_rows
                break
    enough(source, tally.coverage.n_rows, tally.n_bad, settings, tally.bad[0] if tally.bad else None)
    return _told(source, tally, sampled, now or datetime.now(UTC))


def enough(source: Source, n_good: int, n_bad: int, settings: IngestSettings, first: BadLine | None = None) -> None:
    """
    Refuse an input of which too little could be read.

    Args:
        first: A bad line to name, if one is known.

    Raises:
        LogFormatError: no good line, or fewer than `min_good_share` of them.
    """
    if n_good and n_good >= settings.min_good_share * (n_good + n_bad):
        return
    file = source.files[0]
    if not n_bad:
        raise LogFormatError(f"{file.path}: holds no exchange")
    named = f" The first: {first.path}:{first.line}: {first.reason}." if first else ""
    raise LogFormatError(
        f"{file.path}: {n_bad:,} of {n_good + n_bad:,} lines could not be read as '{file.format}'.{named} "
        "Set ingest.format or ingest.columns, or lower ingest.min_good_share"
    )


def senses(inspection: Inspection, needs: Iterable[tuple[str, str, frozenset[str]]]) -> tuple[Sense, ...]:
    """What each kind of evidence (name, family, columns of `signatures` it needs) can say of this log."""
    out = []
    for name, family, columns in needs:
        feeding = [FED_BY.get(c, (c,)) if not inspection.signed else (c,) for c in sorted(columns)]
        shares = [max(inspection.coverage.share(c) for c in sources) for sources in feeding]
        lacks = tuple(dict.fromkeys(" or ".join(f) for f, share in zip(feeding, shares, strict=True) if share == 0.0))
        out.append(Sense(name, family, min(shares, default=1.0), lacks))
    return tuple(out)


def suggestions(seen: Inspection) -> tuple[str, ...]:
    """What would let more be seen, or might be wrong; one sentence each, no customer's text."""
    has = {c: seen.coverage.share(c) for c in seen.coverage.present}
    told = []
    if seen.tier == "T0":
        told.append(
            "There is no text: recipes cannot be found. Log messages at the gateway, or run `stillwatch sign` where they are"
        )
    if seen.n_accounts == 1:
        told.append(
            "All exchanges are of one account, and campaigns are groups of accounts. "
            "Is it a gateway's own key? Map ingest.columns.account_id to what tells its users apart"
        )
    if not seen.signed and not any(has.get(c) for c in ("payment_id", "device_id", "client_fingerprint", "ip")):
        told.append("No payment_id, device_id, client_fingerprint or ip: shared infrastructure cannot be seen")
    if seen.same_share is not None and seen.same_share > 0.9 and seen.coverage.n_rows > 1:
        told.append(f"{seen.same_share:.0%} of the prompts are the same text: is the prompt column mapped rightly?")
    told.extend(_doubts(seen))
    return tuple(told)


def _doubts(seen: Inspection) -> Iterable[str]:
    if seen.n_doubled:
        yield f"{seen.n_doubled:,} rows repeat an exchange_id of an earlier row: was a file delivered twice?"
    if seen.n_future:
        yield f"{seen.n_future:,} rows are dated more than a day ahead: check the clock, or set ingest.time_format"
    if seen.coverage.unfit:
        cells = ", ".join(f"{c} ({n:,})" for c, n in sorted(seen.coverage.unfit.items()))
        yield f"Values that did not fit their type were left out: {cells}"
    if seen.coverage.n_mended:
        yield f"{seen.coverage.n_mended:,} rows held invalid text; the invalid bytes were replaced by U+FFFD"
    if seen.coverage.unknown:
        yield "Columns that mean nothing to Stillwatch are left out; if one of them is an account, device or payment, map it"


def _chosen(splits: Sequence[Split], split_rows: int, most_rows: int | None) -> tuple[int | None, Sequence[Split]]:
    """How many rows to read of each split, and of which splits: spread evenly over the log."""
    if most_rows is None:
        return None, splits
    n = min(len(splits), max(1, -(-most_rows // max(split_rows // 4, 1))))
    return -(-most_rows // n), [splits[i * len(splits) // n] for i in range(n)]


def _count(tally: _Tally, piece: Piece) -> None:
    batch = piece.signatures if piece.signatures is not None else piece.exchanges
    tally.coverage = tally.coverage.merge(Coverage.of(batch, piece.unknown, piece.unfit, piece.n_mended))
    tally.n_bad += len(piece.bad)
    tally.bad.extend(piece.bad[: _SHOWN_BAD - len(tally.bad)] if len(tally.bad) < _SHOWN_BAD else ())
    account = batch.column("account_id" if piece.signatures is None else "account").cast(pa.string())
    prompt = pc.fill_null(batch.column("prompt"), "") if piece.signatures is None else pa.nulls(batch.num_rows, pa.string())
    known = [batch.column("exchange_id"), batch.column("seen_at"), account, batch.column("model"), _heads(prompt)]
    tally.columns.append(pa.RecordBatch.from_arrays(known, names=["exchange_id", "seen_at", "account", "model", "prompt"]))


def _heads(prompts: pa.Array) -> pa.Array:
    """Enough of each prompt to tell whether all are one text, without keeping them."""
    heads = pc.binary_join_element_wise(
        pc.binary_slice(prompts.cast(pa.binary()), 0, 64), pc.binary_length(prompts).cast(pa.string()).cast(pa.binary()), b"/"
    )
    return heads.dictionary_encode()


def _told(source: Source, tally: _Tally, sampled: bool, now: datetime) -> Inspection:
    table = pa.Table.from_batches([b.set_column(4, "prompt", b.column("prompt").cast(pa.binary())) for b in tally.columns])
    times = pc.min_max(table["seen_at"])
    has_text = tally.coverage.share("prompt") > 0
    return Inspection(
        files=source.files,
        skipped=source.skipped,
        tier="T2" if has_text else "T1" if tally.coverage.share("tokens") else "T0",
        coverage=tally.coverage,
        sampled=sampled,
        n_bytes=source.n_bytes,
        n_accounts=pc.count_distinct(table["account"]).as_py(),
        n_models=pc.count_distinct(table["model"]).as_py(),
        n_doubled=table.num_rows - pc.count_distinct(table["exchange_id"]).as_py(),
        n_future=pc.sum(pc.greater(table["seen_at"], pa.scalar(now + timedelta(days=1)))).as_py() or 0,
        n_bad=tally.n_bad,
        bad=tuple(tally.bad),
        first_seen=times["min"].as_py(),
        last_seen=times["max"].as_py(),
        same_share=_same_share(table["prompt"]) if has_text else None,
    )


def _same_share(prompts: pa.ChunkedArray) -> float:
    counts = pc.value_counts(prompts)
    return float(pc.max(counts.field("counts")).as_py() / len(prompts))
