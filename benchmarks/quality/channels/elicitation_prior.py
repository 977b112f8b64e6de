"""Elicitation prior: what a group asks is what extractors ask, by the shipped model of S7."""

from collections.abc import Mapping

from benchmarks.quality.channels.base import Seen

from stillwatch.engine.base import Engine

MIN_EXCHANGES = 20

SQL = f"""
    SELECT "group", count(*) AS n, avg(list_max(elicitation)) / 16.0 AS x, stddev_samp(list_max(elicitation)) / 16.0 AS sd
    FROM group_exchanges WHERE elicitation IS NOT NULL GROUP BY "group" HAVING count(*) >= {MIN_EXCHANGES}
"""


def elicitation_prior(engine: Engine) -> Mapping[int, Seen]:
    """Mean over exchanges of the highest of the five logits."""
    return {r["group"]: Seen(r["x"], r["sd"] / r["n"] ** 0.5, r["n"]) for r in engine.query(SQL).to_pylist()}
