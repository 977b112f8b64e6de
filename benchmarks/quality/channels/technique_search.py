"""Technique search: a group first tries many wordings of its own, and then sends one at scale."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from benchmarks.quality.channels.base import Seen
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.methods.lists import holders
from stillwatch.methods.numbering import numbered

Ints = NDArray[np.int64]

MIN_UNITS = 10
SQL = """
    WITH worded AS (SELECT u.row, u.recipe FROM uses u JOIN recipes r ON r.recipe = u.recipe WHERE r.kind = 'wording'),
         seated AS (SELECT account, max(org) AS org FROM group_accounts GROUP BY account)
    SELECT e."group", coalesce(s.org, e.account) AS unit, e.row, e.seen_at, coalesce(w.recipe, 0) AS recipe
    FROM group_exchanges e JOIN groups g ON g."group" = e."group" AND g.told_by = 'wording'
    JOIN seated s ON s.account = e.account LEFT JOIN worded w ON w.row = e.row
    ORDER BY e."group", e.seen_at, e.row, w.recipe
"""


def technique_search(engine: Engine) -> Mapping[int, Seen]:
    """
    By how much more common within the group the wording of an account's late exchanges is than that of its early ones.

    Only groups that wording tells are looked at: in groups of all that accounts send, whoever takes up a harness or an app
    becomes alike, too. What was read of an exchange is what the templates stage found: nothing is read of its text.
    """
    found = engine.query(SQL)
    group = found["group"].to_numpy()
    names, starts = np.unique(group, return_index=True)
    columns = [c.to_numpy() for c in (found["unit"], found["row"], found["seen_at"].cast(pa.int64()), found["recipe"])]
    out = {}
    for g, low, high in zip(names.tolist(), starts, [*starts[1:], len(group)], strict=True):
        rises = risen(*(c[low:high] for c in columns))
        if len(rises) >= MIN_UNITS:
            out[g] = Seen.mean(rises)
    return out


def risen(unit: Ints, row: Ints, seen: Ints, recipe: Ints) -> NDArray[np.float64]:
    """
    Of each unit with exchanges in the first and in the last third: ln of how common its late wording is, less its early one's.

    An exchange's wording is as common as the most common of its recipes: the units of the group that run that one at any time.

    Args:
        unit: (n,) organisation or lone account, a row for each recipe of an exchange.
        row: (n,) the exchange; its rows stand together, and exchanges in the order of time.
        seen: (n,) when.
        recipe: (n,) recipes of wording; 0 where it has none.
    """
    firsts = np.flatnonzero(np.diff(row, prepend=row[:1] - 1))
    if not len(firsts):
        return np.empty(0)
    common = np.log(np.maximum(np.maximum.reduceat(holders(unit, recipe), firsts), 1))
    who, n = numbered(unit[firsts])
    when, third = seen[firsts], max(len(firsts) // 3, 1)
    early, late = when <= when[third - 1], when >= when[-third]
    before, after = (np.bincount(who[part], minlength=n) for part in (early, late))
    both = (before > 0) & (after > 0)
    told = [np.bincount(who[part], common[part], n)[both] for part in (early, late)]
    rises: NDArray[np.float64] = told[1] / after[both] - told[0] / before[both]
    return rises
