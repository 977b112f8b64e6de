"""Tiny logs, written down: the tables that detectors read, from plain lists. For examples, docs and tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.records.tables import ACCOUNTS, GROUP_ACCOUNTS, GROUP_EXCHANGES, GROUPS, MODELS, PEER_HITS, TableSpec
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
    """

    account: int
    hour: float
    words: tuple[int, ...] = ()
    fill: tuple[int, ...] = ()
    exact: int | None = None
    model: str = "small"
    hit: str | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an account sits: organisation, and (value, units on it) of each field of infrastructure."""

    account: int
    org: int | None = None
    payment: tuple[int, int] | None = None
    device: tuple[int, int] | None = None
    network: tuple[int, int] | None = None
    client: tuple[int, int] | None = None


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
                rows.append((g, a, s.org, *places, None, sum(v.account == a for v in self.visits.get(g, ()))))
        return _table(GROUP_ACCOUNTS, rows)

    def _models(self) -> pa.Table:
        rows = [(r.model, None if r.hour is None else _at(r.hour), r.n_accounts, r.n_adopters) for r in self.releases]
        return _table(MODELS, rows)


def _at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def _table(spec: TableSpec, rows: Iterable[tuple[object, ...]]) -> pa.Table:
    listed = list(rows)
    columns = zip(*listed, strict=True) if listed else ((),) * len(spec.columns)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, spec.schema, strict=True)], schema=spec.schema)
