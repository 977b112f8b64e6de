"""Did the group move to a new model together, days after it came out?"""

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.pivot import DAY_US, Release, releases_inside
from stillwatch.evidence.rates import PivotRates, shipped
from stillwatch.methods.adoption import log_betabinomial
from stillwatch.privacy import MIN_ACCOUNTS_FOR_WORDING
from stillwatch.records.window import Window

LAST_DAY = 14  # an operator who waits longer has given the new model away
DAYS_TOGETHER = 2  # accounts that are told to move on one day show it with their next request
FLAT = (0.5, 1 / 3)  # Beta(1, 1): every share alike
MIN_WAITING = 8  # fewer accounts that have not moved yet do not speak

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LatePivot:
    """
    Ask whether the accounts of a group took up a new model within the same two days, some days after its release.

    An operator who knows that the first day is watched waits, but the fleet is still told to move at once. Each day from the
    second to the fourteenth is looked at: of the accounts that were active around it and had not moved, how many did so within
    two days. The hazard is the platform's own on the first day, when new models are taken up fastest.

    Null: beta-binomial with twice that hazard and the spread of ordinary groups; a share of these (a framework that changes
    its default) moves on one day too, which bounds the weight.
    Formula: log2 of (reach × mean over days of any rate + rest × null) over (stray × the same + rest × null): days are not
    tested one by one, so having looked at thirteen costs nothing more.
    Blind to: accounts that move one by one; windows that end soon after the release.
    Cost: one pass over the exchanges of groups.

    References:
        docs/research.md, 3.5. rates.json, block late_pivot. Cap: the bound above, rounded up.
    """

    name: ClassVar[str] = "late_pivot"
    family: ClassVar[str] = "release"
    needs: ClassVar[frozenset[str]] = frozenset({"model", "seen_at"})
    cap_bits: ClassVar[float] = 6.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts accounts that had not moved by the most telling day."""
        releases = releases_inside(engine, window)
        if not releases:
            nothing = Statement(0.0, "No model was released inside the window")
            return statements_table(self, groups, [nothing] * groups.num_rows)
        last = max(releases, key=lambda r: (r.n_adopters, r.at_us, r.model))  # one release: the one that most took up
        waits = _waits(engine, groups, last)
        rates = shipped().late_pivot
        said = (_statement(waits.get(g, _NOBODY), last, rates) for g in groups["group"].to_pylist())
        return statements_table(self, groups, said)

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("half the group takes up a model on its second day", examples.moved_late(), "for"),
            Example("the group takes it up one by one", examples.moved_one_by_one(), "nothing"),
            Example("nothing was released", examples.own_clocks(), "nothing"),
        )


_NOBODY: Ints = np.empty((0, 2), np.int64)


def _waits(engine: Engine, groups: pa.Table, release: Release) -> dict[int, Ints]:
    """
    Of each group's accounts that were active after the release, rows of (day of the last request, day of the first to the model).

    Days count from the release; -1 where an account never asked for the model.
    """
    sql = """
        SELECT e."group", e.account, max(e.seen_at) AS last_at, min(CASE WHEN e.model = r.model THEN e.seen_at END) AS moved_at,
               min(r.released_at) AS released_at
        FROM group_exchanges e JOIN wanted w ON e."group" = w."group" JOIN released r ON e.seen_at >= r.released_at
        GROUP BY e."group", e.account ORDER BY e."group", e.account
    """
    released = pa.table({"model": [release.model], "released_at": pa.array([release.at_us]).cast(pa.timestamp("us", tz="UTC"))})
    found = engine.query(sql, wanted=groups.select(["group"]), released=released)
    last, moved = (np.asarray(found[c].cast(pa.int64()).fill_null(-1)) for c in ("last_at", "moved_at"))
    days = np.stack([(last - release.at_us) // DAY_US, np.where(moved < 0, -1, (moved - release.at_us) // DAY_US)], 1)
    names, starts = np.unique(found["group"].to_numpy(), return_index=True)
    return dict(zip(names.tolist(), np.split(days, starts[1:]), strict=False))


def by_day(days: Ints) -> list[tuple[int, int]]:
    """
    (accounts that moved within the two days, accounts that could have) of each day from 1 to 13.

    Args:
        days: (n_accounts, 2) day of the last request, and of the first to the new model or -1.

    >>> by_day(np.array([[5, 3], [5, 3], [5, 0], [5, -1]]))[:4]
    [(0, 3), (2, 3), (2, 3), (0, 1)]
    """
    last, moved = days[:, 0], days[:, 1]
    told = []
    for day in range(1, LAST_DAY):
        waiting = ((moved < 0) | (moved >= day)) & (last >= day)
        told.append((int((waiting & (moved >= 0) & (moved < day + DAYS_TOGETHER)).sum()), int(waiting.sum())))
    return told


def weight_bits(told: list[tuple[int, int]], hazard: float, rates: PivotRates) -> float:
    """
    log2 likelihood ratio of what each day saw; between log2(1 - reach) and log2(reach / stray).

    >>> weight_bits([(1, 30), (15, 30)], 0.1, shipped().late_pivot) > 3
    True
    """
    ratios = []
    for k, n in told:
        usual = max(k, int(n * hazard))  # fewer than usual is as ordinary as usual
        ratios.append(log_betabinomial(usual, n, *FLAT) - log_betabinomial(usual, n, hazard, rates.dispersion))
    if not ratios:
        return 0.0
    together = float(np.logaddexp.reduce(ratios)) - log(len(ratios))
    campaign = np.logaddexp(log(rates.reach) + together, np.log1p(-rates.reach))
    background = np.logaddexp(log(rates.stray) + together, np.log1p(-rates.stray))
    return float(campaign - background) / log(2)


def _statement(days: Ints, release: Release, rates: PivotRates) -> Statement:
    told = [(k, n) for k, n in by_day(days) if n >= MIN_WAITING]
    if not told:
        return Statement(0.0, "Too few accounts of the group were active after a release without having moved at once")
    hazard = min(max(DAYS_TOGETHER * (release.n_adopters + 0.5) / (release.n_accounts + 1), 1e-3), 0.9)
    k, n = max(told, key=lambda kn: (kn[0] / kn[1], kn[1]))
    model = release.model if release.n_adopters >= MIN_ACCOUNTS_FOR_WORDING else "a new model"
    reason = (
        f"{k:,} of {n:,} accounts that had not moved yet first asked for {model} within the same two days, a day or more after "
        f"its release, where {hazard:.1%} would"
    )
    return Statement(weight_bits(told, hazard, rates), reason, n, k / n, hazard)
