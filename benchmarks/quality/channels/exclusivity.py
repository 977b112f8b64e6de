"""Exclusivity: members share one recipe and hardly anybody else does, and members do hardly anything else."""

from collections.abc import Mapping
from math import log

import numpy as np
from benchmarks.quality.channels.base import Seen

from stillwatch.engine.base import Engine

SQL = """
    WITH used AS (SELECT account, recipe, count(*) AS n FROM uses GROUP BY account, recipe),
         sent AS (SELECT account, count(*) AS n FROM signatures GROUP BY account),
         members AS (SELECT g."group", count(*) AS n_accounts, sum(s.n) AS sent
                     FROM group_accounts g JOIN sent s ON s.account = g.account GROUP BY g."group"),
         inside AS (SELECT g."group", u.recipe, count(*) AS users, sum(u.n) AS n
                    FROM group_accounts g JOIN used u ON u.account = g.account GROUP BY g."group", u.recipe),
         ranked AS (SELECT *, row_number() OVER (PARTITION BY "group" ORDER BY users DESC, n DESC, recipe) AS place FROM inside)
    SELECT r."group", r.n, r.users, r.n * 1.0 / c.n_requests AS inside_share, r.n * 1.0 / m.sent AS dedication, m.n_accounts
    FROM ranked r JOIN recipes c ON c.recipe = r.recipe JOIN members m ON m."group" = r."group"
    WHERE r.place = 1 ORDER BY r."group"
"""


def exclusivity(engine: Engine) -> Mapping[int, Seen]:
    """
    Logit of the harmonic mean of both shares, for the recipe that most members use.

    Both must be high for it to be high, so that neither a whole app's users (inside 1 by construction) nor a group of one-purpose
    accounts on a public template pass by one alone.
    """
    out = {}
    for row in engine.query(SQL).to_pylist():
        a, b = min(row["inside_share"], 1.0), min(row["dedication"], 1.0)
        both = float(np.clip(2 * a * b / (a + b), 0.01, 0.99))
        out[row["group"]] = Seen(log(both / (1 - both)), 1 / np.sqrt(max(row["users"], 1)), row["n"])
    return out
