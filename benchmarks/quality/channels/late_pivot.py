"""Late pivot: a group takes up a new model within the same two days, one to thirteen days after its release."""

from collections.abc import Mapping, Sequence

from benchmarks.quality.channels.base import Seen

from stillwatch.engine.base import Engine

LAST_DAY = 14  # an operator who waits longer has given the new model away
DAYS_TOGETHER = 2
MIN_WAITING = 8

SQL = """
    WITH released AS (SELECT model, released_at FROM models WHERE released_at IS NOT NULL
                      ORDER BY n_adopters DESC, model LIMIT 1),
         after AS (SELECT e."group", e.account, e.model = r.model AS new,
                          date_diff('second', r.released_at, e.seen_at) // 86400 AS d
                   FROM group_exchanges e, released r WHERE e.seen_at >= r.released_at)
    SELECT "group", account, max(d) AS last_day, min(CASE WHEN new THEN d END) AS moved FROM after GROUP BY "group", account
"""


def late_pivot(engine: Engine) -> Mapping[int, Seen]:
    """The largest share, over days, of the accounts that had not moved which moved within the two days."""
    people: dict[int, list[tuple[int, int | None]]] = {}
    for row in engine.query(SQL).to_pylist():
        people.setdefault(row["group"], []).append((row["last_day"], row["moved"]))
    shares = {g: most_at_once(days) for g, days in people.items()}
    return {g: Seen.share(*found) for g, found in shares.items() if found is not None}


def most_at_once(days: Sequence[tuple[int, int | None]]) -> tuple[int, int] | None:
    """
    (moved, could have) of the most telling day from 1 to 13.

    Args:
        days: Of each account its last day, and the day it moved on or None; days count from the release.

    >>> most_at_once([(9, 3)] * 6 + [(9, None)] * 6 + [(9, 0)] * 9)
    (6, 12)
    """
    told = []
    for day in range(1, LAST_DAY):
        waiting = [m for last, m in days if last >= day and (m is None or m >= day)]
        if len(waiting) >= MIN_WAITING:
            told.append((sum(m is not None and m < day + DAYS_TOGETHER for m in waiting), len(waiting)))
    return max(told, key=lambda kn: (kn[0] / kn[1], kn[1]), default=None)
