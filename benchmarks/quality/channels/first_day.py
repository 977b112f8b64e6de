"""First day: accounts that spend on the first day of their life nearly all they ever will. A plan's quota stands in no log."""

from collections.abc import Mapping

from benchmarks.quality.channels.base import Seen

from stillwatch.engine.base import Engine

MIN_EXCHANGES = 5  # of an account; fewer fit into any day
MIN_NEWCOMERS = 10
MOSTLY = 0.8

SQL = f"""
    WITH life AS (SELECT account, min(seen_at) AS first_at, count(*) AS n, max(account_created_at) AS created FROM signatures
                  GROUP BY account HAVING count(*) >= {MIN_EXCHANGES}),
         ended AS (SELECT max(seen_at) AS last_at FROM signatures),
         new AS (SELECT l.* FROM life l, ended e
                 WHERE l.created >= l.first_at - INTERVAL 3 DAY AND l.first_at <= e.last_at - INTERVAL 3 DAY),
         day AS (SELECT s.account, count(*) AS k FROM signatures s JOIN new l ON l.account = s.account
                 WHERE s.seen_at < l.first_at + INTERVAL 1 DAY GROUP BY s.account)
    SELECT g."group", count(*) AS n, sum(CASE WHEN d.k >= {MOSTLY} * l.n THEN 1 ELSE 0 END) AS spent
    FROM group_accounts g JOIN new l ON l.account = g.account JOIN day d ON d.account = g.account GROUP BY g."group"
"""


def first_day(engine: Engine) -> Mapping[int, Seen]:
    """Share of a group's newcomers (first request within three days of sign-up) with four fifths of their use on that day."""
    rows = engine.query(SQL).to_pylist()
    return {r["group"]: Seen.share(int(r["spent"]), r["n"]) for r in rows if r["n"] >= MIN_NEWCOMERS}
