"""Tiny logs, written down: the tables that detectors read, from plain lists. For examples, docs and tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.records.tables import ACCOUNTS, GROUP_ACCOUNTS, GROUP_EXCHANGES, GROUPS, MODELS, PEER_HITS, SIGNATURES, TableSpec
from stillwatch.records.window import Window

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


@dataclass(frozen=True, slots=True)
class Visit:
    """
    One exchange of a group.

    Args:
        account: Who.
        hour: When, in hours since the scene's start.
        words: Rare words, any integers below 2^31.
        fill: Word pairs of the newest turn.
        exact: Digest of the whole prompt.
        model: Model asked for.
        hit: Kind of the peers' indicator that it hits: template, contract, network, token; None = none.
        blobs: Digests of the opaque strings that it sends.
    """

    account: int
    hour: float
    words: tuple[int, ...] = ()
    fill: tuple[int, ...] = ()
    exact: int | None = None
    model: str = "small"
    hit: str | None = None
    blobs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Seat:
    """
    Where an account sits.

    Args:
        account: Who.
        org: Its organisation.
        payment, device, network, client: (value, units on it).
        created_day: When it signed up, days before the scene's start.
        n_exchanges: What it sent in the whole log; None = its visits here.
        n_systems: System prompts that it sends through in the whole log.
    """

    account: int
    org: int | None = None
    payment: tuple[int, int] | None = None
    device: tuple[int, int] | None = None
    network: tuple[int, int] | None = None
    client: tuple[int, int] | None = None
    created_day: float | None = None
    n_exchanges: int | None = None
    n_systems: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """A model that came out: when, in hours since the start (None = always there), and how the platform took it up."""

    model: str
    hour: float | None
    n_accounts: int
    n_adopters: int


@dataclass(frozen=True, slots=True)
class Scene:
    """
    Groups with their visits and seats.

    Args:
        visits: Visits of each group, by its number.
        seats: Seats of each group's accounts; accounts without one are seated on nothing.
        releases: Models that came out.
        n_days: Length of the window.
        n_platform: Accounts of the whole platform.
    """

    visits: Mapping[int, Sequence[Visit]]
    seats: Mapping[int, Sequence[Seat]] = field(default_factory=dict)
    releases: Sequence[Release] = ()
    n_days: int = 7
    n_platform: int = 10_000

    @property
    def window(self) -> Window:
        """The scene's days."""
        return Window(START, START + timedelta(days=self.n_days))

    def tables(self) -> dict[TableSpec, pa.Table]:
        """Tables as candidates/ writes them, and the accounts of the platform."""
        return {
            GROUPS: self._groups(),
            GROUP_EXCHANGES: self._exchanges(),
            GROUP_ACCOUNTS: self._accounts(),
            MODELS: self._models(),
            ACCOUNTS: self._platform(),
            PEER_HITS: self._hits(),
            SIGNATURES: self._signatures(),
        }

    def store(self, engine: Engine) -> None:
        """Write the tables into an engine."""
        for spec, table in self.tables().items():
            engine.write(spec, table)

    def _members(self, group: int) -> list[int]:
        return sorted({v.account for v in self.visits.get(group, ())} | {s.account for s in self.seats.get(group, ())})

    def _numbers(self) -> list[int]:
        return sorted({*self.visits, *self.seats})

    def _platform(self) -> pa.Table:
        number = np.arange(self.n_platform)
        columns = [pa.array(number), pa.array(number.astype(str).tolist(), pa.string()), pa.nulls(number.size, pa.string())]
        return pa.table(columns, schema=ACCOUNTS.schema)

    def _groups(self) -> pa.Table:
        rows = [(g, "recipe", "wording", None, len(self._members(g)), len(self.visits.get(g, ()))) for g in self._numbers()]
        return _table(GROUPS, rows)

    def _exchanges(self) -> pa.Table:
        told = [
            (g, v.account, row, _at(v.hour), v.model, v.exact, list(v.words), sorted(v.fill), None) for g, row, v in self._rows()
        ]
        return _table(GROUP_EXCHANGES, sorted(told, key=lambda r: (*r[:2], r[3], r[2])))

    def _rows(self) -> list[tuple[int, int, Visit]]:
        """Group, row and visit; a row is one exchange, whatever the group."""
        return [(g, row, v) for row, (g, v) in enumerate((g, v) for g in self._numbers() for v in self.visits.get(g, ()))]

    def _hits(self) -> pa.Table:
        return _table(PEER_HITS, [(row, f"indicator--{v.hit}", v.hit, None, None) for _, row, v in self._rows() if v.hit])

    def _accounts(self) -> pa.Table:
        rows = []
        for g in self._numbers():
            seated = {s.account: s for s in self.seats.get(g, ())}
            for a in self._members(g):
                s = seated.get(a, Seat(a))
                places = [p for place in (s.payment, s.device, s.network, s.client) for p in (place or (None, None))]
                created = None if s.created_day is None else _at(-24 * s.created_day)
                sent = sum(v.account == a for v in self.visits.get(g, ())) if s.n_exchanges is None else s.n_exchanges
                rows.append((g, a, s.org, *places, created, sent, s.n_systems or None))
        return _table(GROUP_ACCOUNTS, rows)

    def _signatures(self) -> pa.Table:
        """The exchanges of the whole log that carry blobs."""
        sent = [(v.account, sorted(v.blobs)) for _, _, v in self._rows() if v.blobs]
        told: dict[str, Iterable[object]] = {
            "row": range(len(sent)),
            "exchange_id": [str(n) for n in range(len(sent))],
            "account": [account for account, _ in sent],
            "seen_at": [START] * len(sent),
            "model": ["small"] * len(sent),
            "blobs": [blobs for _, blobs in sent],
        }
        columns = [pa.array(told.get(f.name, [None] * len(sent)), f.type) for f in SIGNATURES.schema]
        return pa.table(columns, schema=SIGNATURES.schema)

    def _models(self) -> pa.Table:
        rows = [(r.model, None if r.hour is None else _at(r.hour), r.n_accounts, r.n_adopters) for r in self.releases]
        return _table(MODELS, rows)


def _at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def _table(spec: TableSpec, rows: Iterable[tuple[object, ...]]) -> pa.Table:
    listed = list(rows)
    columns = zip(*listed, strict=True) if listed else ((),) * len(spec.columns)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, spec.schema, strict=True)], schema=spec.schema)
