"""Technique search: a group first tries many wordings of its own, and then sends one at scale."""

from collections.abc import Mapping
from math import hypot

import numpy as np
from benchmarks.quality.channels.base import Seen

from stillwatch.engine.base import Engine

MIN_EXCHANGES = 60
MOST_EXCHANGES = 3_000  # of a group that are looked at

SQL = f"""
    WITH placed AS (SELECT e."group", e.account, e.row, e.seen_at,
                           row_number() OVER (PARTITION BY e."group" ORDER BY e.row) AS place FROM group_exchanges e)
    SELECT p."group", p.account, s.fragments FROM placed p JOIN signatures s ON s.row = p.row
    WHERE p.place <= {MOST_EXCHANGES} AND len(s.fragments) > 0 ORDER BY p."group", p.seen_at, p.row
"""


def technique_search(engine: Engine) -> Mapping[int, Seen]:
    """
    By how much more common within the group the wording of its last third is than that of its first third.

    An exchange's wording is as common as the most common of its fragments: ln of the accounts that sent that one. While
    techniques are tried each wording is sent by one or two accounts; when one is chosen all send it.
    """
    found = engine.query(SQL)
    group = found["group"].to_numpy()
    names, starts = np.unique(group, return_index=True)
    out = {}
    for g, low, high in zip(names.tolist(), starts, [*starts[1:], len(group)], strict=True):
        if high - low < MIN_EXCHANGES:
            continue
        common = commonness(
            found["account"].slice(low, high - low).to_numpy(), found["fragments"].slice(low, high - low).to_pylist()
        )
        third = len(common) // 3
        early, late = Seen.mean(common[:third]), Seen.mean(common[-third:])
        out[g] = Seen(late.x - early.x, hypot(late.se, early.se), high - low)
    return out


def commonness(account: np.ndarray, fragments: list[list[int]]) -> np.ndarray:
    """ln of the accounts that sent the most widely sent fragment of each exchange."""
    holders: dict[int, set[int]] = {}
    for a, listed in zip(account.tolist(), fragments, strict=True):
        for f in listed:
            holders.setdefault(f, set()).add(a)
    return np.log([max(len(holders[f]) for f in listed) for listed in fragments])
