"""Did the group move to a new model faster than accounts do?"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from typing import ClassVar

import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.rates import PivotRates, shipped
from stillwatch.methods.adoption import excess_bits
from stillwatch.privacy import MIN_ACCOUNTS_FOR_WORDING
from stillwatch.records.tables import MODELS
from stillwatch.records.window import Window

DAY_US = 24 * 3_600_000_000
AROUND_US = 7 * DAY_US // 2  # active "in the seven days around the release", as the table models counts them


@dataclass(frozen=True)
class ModelPivot:
    """
    Ask whether the accounts of a group took up a new model within a day of its release, more than accounts do.

    In the published case about half of a campaign's traffic moved within 24 hours. The hazard is the platform's own on
    that release, without the group. Only models released inside the window count; of several, the most telling, less the
    price of having looked at all.

    Null: beta-binomial with the platform's hazard and the spread of ordinary groups; a share of these (evaluation
    teams) pivots like a campaign, which bounds the weight.
    Formula: log2 of (reach × any rate + rest × null) over (stray × any rate + rest × null).
    Blind to: campaigns that wait; windows without a release. A campaign that does not pivot loses at most one bit.
    Cost: one pass over exchanges near a release.

    Args:
        outside: The groups' accounts are not of the platform, as planted ones are not: nothing of theirs is taken off its counts.

    References:
        docs/research.md, 3.5. rates.json, block pivot. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "model_pivot"
    family: ClassVar[str] = "release"
    needs: ClassVar[frozenset[str]] = frozenset({"model", "seen_at"})
    cap_bits: ClassVar[float] = 6.0
    outside: bool = False

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts accounts active around the release."""
        releases = _releases(engine, window)
        if not releases:
            nothing = Statement(0.0, "No model was released inside the window")
            return statements_table(self, groups, [nothing] * groups.num_rows)
        counts = _counts(engine, groups, releases)
        rates = shipped().pivot
        said = (_statement(counts.get(g, []), releases, rates, self.outside) for g in groups["group"].to_pylist())
        return statements_table(self, groups, said)

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("half the group takes up a model at once", examples.moved_at_once(), "for"),
            Example("the group takes it up like others", examples.moved_like_others(), "nothing"),
            Example("nothing was released", examples.own_clocks(), "nothing"),
        )


@dataclass(frozen=True, slots=True)
class Release:
    """A model that came out inside the window: when, and how the platform took it up."""

    model: str
    at_us: int
    n_accounts: int
    n_adopters: int


@dataclass(frozen=True, slots=True)
class Uptake:
    """What one group did about one release."""

    release: int
    n_active: int
    n_adopters: int


def _releases(engine: Engine, window: Window) -> list[Release]:
    table = engine.read(MODELS)
    at = table["released_at"].cast(pa.int64()).to_pylist()
    rows = zip(table["model"].to_pylist(), at, table["n_accounts"].to_pylist(), table["n_adopters"].to_pylist(), strict=True)
    inside = [Release(m, t, n, k) for m, t, n, k in rows if t is not None and window.start_us <= t < window.end_us and n > 0]
    return sorted(inside, key=lambda r: (r.at_us, r.model))


def _counts(engine: Engine, groups: pa.Table, releases: list[Release]) -> dict[int, list[Uptake]]:
    """Active and adopting accounts of each group around each release."""
    times = [(r.at_us - AROUND_US, r.at_us + AROUND_US, r.at_us, r.at_us + DAY_US) for r in releases]
    columns = zip(*times, strict=True)
    named = dict(zip(("from_at", "until_at", "released_at", "adopt_until"), columns, strict=True))
    table = pa.table(
        {"number": pa.array(range(len(releases)), pa.int64()), "model": [r.model for r in releases]}
        | {k: pa.array(v, pa.int64()).cast(pa.timestamp("us", tz="UTC")) for k, v in named.items()}
    )
    sql = """
        SELECT e."group", r.number, count(DISTINCT e.account) AS n_active,
               count(DISTINCT CASE WHEN e.model = r.model AND e.seen_at >= r.released_at AND e.seen_at < r.adopt_until
                                   THEN e.account END) AS n_adopters
        FROM group_exchanges e
        JOIN wanted w ON e."group" = w."group"
        JOIN releases r ON e.seen_at >= r.from_at AND e.seen_at < r.until_at
        GROUP BY e."group", r.number
        ORDER BY e."group", r.number
    """
    found = engine.query(sql, wanted=groups.select(["group"]), releases=table)
    counts: dict[int, list[Uptake]] = {}
    for group, number, n_active, n_adopters in zip(*(found[c].to_pylist() for c in found.column_names), strict=True):
        counts.setdefault(group, []).append(Uptake(number, n_active, n_adopters))
    return counts


def _statement(uptakes: list[Uptake], releases: list[Release], rates: PivotRates, outside: bool) -> Statement:
    told = list(_one(uptakes, releases, rates, outside))
    if not told:
        return Statement(0.0, "No account of the group was active around a release")
    best = max(told, key=lambda s: s.weight_bits)
    price = log2(len(told)) if best.weight_bits > 0 else 0.0
    return Statement(
        max(best.weight_bits - price, min(best.weight_bits, 0.0)), best.reason, best.n, best.statistic, best.null_mean
    )


def _one(uptakes: list[Uptake], releases: list[Release], rates: PivotRates, outside: bool) -> Iterator[Statement]:
    for uptake in uptakes:
        release = releases[uptake.release]
        own = Uptake(uptake.release, 0, 0) if outside else uptake
        others = max(release.n_accounts - own.n_active, 0)
        hazard = (max(release.n_adopters - own.n_adopters, 0) + 0.5) / (others + 1)
        hazard = min(max(hazard, 1e-4), 0.95)
        bits = excess_bits(uptake.n_adopters, uptake.n_active, hazard, rates.dispersion, rates.reach, rates.stray)
        model = release.model if release.n_adopters >= MIN_ACCOUNTS_FOR_WORDING else "a new model"
        reason = (
            f"{uptake.n_adopters:,} of {uptake.n_active:,} active accounts asked for {model} within a day of its release, "
            f"where {hazard:.1%} of the other accounts did"
        )
        yield Statement(bits, reason, uptake.n_active, uptake.n_adopters / uptake.n_active, hazard)
