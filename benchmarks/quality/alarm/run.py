"""
quality.alarm: how much of a harvest is done when a campaign is first `likely`?

    python -m benchmarks.quality.alarm.run [--seeds 1-2] [--hours 3 6 12 24 48 96 192 336]

A world is scanned as far as it had come at each of these hours after its first exchange, as a scan beside a gateway would be.
For each campaign: the share of its harvest that was done when it was first found, at the shipped settings.
"""

import argparse
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from benchmarks.quality.calibration.run import KEY
from benchmarks.record import record, seeds_of

from stillwatch import pipeline, worlds
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.grade import Found

SCENARIO = "quality.alarm"
WORLD = Path(__file__).with_name("world.toml")
HOURS = (3, 6, 12, 24, 48, 96, 192, 336)


def measured(seed: int, hours: list[int], scratch: Path) -> dict[str, Any]:
    """Scan a world at each hour; of each campaign the first share of its harvest, 0…1, at which it was found, or null."""
    built = worlds.build(worlds.load(WORLD), seed, scratch / "world")
    (scratch / "key").write_bytes(KEY)
    settings = with_changes(Settings(), privacy={"key_file": scratch / "key"}, campaigns={"frontier": False})
    log = duckdb.connect()
    log.execute("SET TimeZone = 'UTC'")
    log.execute(f"CREATE VIEW log AS SELECT * FROM '{built.log}/*.parquet'")
    log.execute(
        f"""CREATE TABLE harvest AS SELECT x.campaign, l.seen_at FROM log l
        JOIN '{built.truth}/exchanges.parquet' x USING (exchange_id) WHERE x.harvested"""
    )
    begin = log.execute("SELECT min(seen_at) FROM log").fetchall()[0][0]
    found: dict[str, dict[str, float]] = {}
    steps = []
    for hour in hours:
        until = begin + timedelta(hours=hour)
        done = _done(log, until)
        told = _scanned(log, until, built.truth, scratch / f"{hour}", settings)
        for name in told["planted"]:
            found.setdefault(name, {"hours": hour, "share": done[name][0], "n_exchanges": done[name][1]})
        steps.append({"hours": hour, "done": {name: share for name, (share, _) in done.items()}, **told})
        print(seed, steps[-1], flush=True)
    names = sorted({name for step in steps for name in step["done"]})
    return {"seed": seed, "first": {name: found.get(name) for name in names}, "steps": steps, "n_exchanges": built.n_exchanges}


def _done(log: duckdb.DuckDBPyConnection, until: datetime) -> dict[str, tuple[float, int]]:
    """Of each campaign the share and the number of its harvested exchanges up to a time."""
    rows = log.execute(
        "SELECT campaign, count(*) FILTER (seen_at <= ?) AS n, count(*) FROM harvest GROUP BY campaign ORDER BY 1", [until]
    ).fetchall()
    return {name: (n / total, n) for name, n, total in rows}


def _scanned(log: duckdb.DuckDBPyConnection, until: datetime, truth: Path, folder: Path, settings: Settings) -> dict[str, Any]:
    """What a scan of the log up to a time finds."""
    folder.mkdir()
    part = folder / "log.parquet"
    log.execute(f"COPY (SELECT * FROM log WHERE seen_at <= ? ORDER BY seen_at) TO '{part}' (FORMAT parquet)", [until])
    outcome = pipeline.scan([str(part)], folder / "results", settings)
    found = Found.all_of(outcome.document)
    graded = worlds.grade(truth, folder / "results", found)
    return {
        "n_exchanges": pq.read_metadata(part).num_rows,
        "planted": sorted(name for name, campaign in graded.planted.items() if campaign is not None),
        "n_likely": sum(f.verdict == "likely" for f in found),
        "n_false": len(graded.false_campaigns),
        "core": [graded.core_precision.hits, graded.core_precision.n],
    }


def main() -> None:
    """One line a seed."""
    parser = argparse.ArgumentParser(description="How soon a campaign is found.")
    parser.add_argument("--seeds", default="1-2", help="first and last seed")
    parser.add_argument("--hours", type=int, nargs="+", default=list(HOURS))
    given = parser.parse_args()
    for seed in seeds_of(given.seeds):
        with tempfile.TemporaryDirectory(prefix="stillwatch-alarm-") as scratch:
            record(SCENARIO, measured(seed, given.hours, Path(scratch)))


if __name__ == "__main__":
    main()
