"""
quality.frontier: is a campaign that is really there seen as often as one of its shape and size that is planted beside the log?

    python -m benchmarks.quality.frontier.run [--seeds 3501-3508] [--dry FILE]

A world without any campaign is scanned, and its frontier read. Then the same world is built again with a campaign in it, of a
shape and cover and of the size that the frontier states, or half of it, with the dials of worlds/fleet.py, and scanned. Then all
of it again with a log that does not say when accounts signed up. One line a world.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.quality.adaptive.run import benign
from benchmarks.quality.calibration.run import KEY
from benchmarks.record import record, seeds_of

from stillwatch import candidates, pipeline, worlds
from stillwatch.campaigns.frontier import seen
from stillwatch.campaigns.judge import better_explained, effective_tests, weighed
from stillwatch.candidates.planting import ACCOUNTS
from stillwatch.candidates.planting_fleet import REUSED
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records import tables
from stillwatch.records.campaign import FrontierPoint
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.draft import Part
from stillwatch.worlds.grade import Found
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.split import Split
from stillwatch.worlds.world import World

SCENARIO = "quality.frontier"
EXCHANGES, PEOPLE = 20_000, 2_000
PLANTINGS = 10  # in each world
MOSTLY = 0.6  # of a group's accounts that harvest, from which it is the campaign's: campaigns/reference.py's own


@dataclass(frozen=True, slots=True)
class Case:
    """
    One shape and size.

    Args:
        size: "stated" by the frontier, or "half" of it.
        shape: One of the planted shapes.
        n_accounts, requests, cover, aged: As `candidates.Planted` has them.
    """

    size: str
    shape: str
    n_accounts: int
    requests: int
    cover: float
    aged: bool = False

    def planted(self, group: int) -> candidates.Planted:
        """The campaign to plant."""
        return candidates.Planted(group, self.shape, self.n_accounts, self.requests, self.cover, aged=self.aged)

    def real(self, days: float) -> Part:
        """The campaign to simulate."""
        dials: dict[str, Any] = {
            "accounts": self.n_accounts,
            "requests_an_account": self.requests,
            "cover": self.cover,
            "days": days,
            "infra_reuse": 0.0 if self.shape.endswith("own infrastructure") else REUSED,
            "signup": "aged" if self.aged else "staggered",
        }
        return Hydra(**dials, templates=1) if self.shape.startswith("templated") else Split(**dials)


def cases(frontier: Iterable[FrontierPoint]) -> list[Case]:
    """What the frontier states, half as many accounts or else requests, and what it states with accounts that are no batch."""
    out = []
    for point in frontier:
        accounts, requests = point.n_accounts, point.requests_per_account
        if accounts is None or requests is None:
            continue
        stated = Case("stated", point.shape, accounts, requests, point.cover)
        half = (accounts // 2, requests) if accounts >= 2 * min(ACCOUNTS) else (accounts, requests // 2)
        out += [stated, Case("half", point.shape, *half, point.cover), replace(stated, aged=True)]
    return out


def quiet() -> World:
    """The world without a campaign."""
    return replace(benign(), name="frontier").sized(EXCHANGES, PEOPLE)


def scanned(
    world: World, seed: int, scratch: Path, dated: bool, frontier: bool = False
) -> tuple[worlds.WorldReport, pipeline.Outcome]:
    """Build and scan a world, whose log says when accounts signed up or does not."""
    built = worlds.build(world, seed, scratch / "world")
    if not dated:
        for path in built.log.iterdir():
            pq.write_table(pq.read_table(path).drop_columns(["account_created_at"]), path)
    (scratch / "key").write_bytes(KEY)
    settings = with_changes(
        Settings(),
        privacy={"key_file": scratch / "key"},
        engine={"workers": 1, "memory_gb": 2.0},
        campaigns={"frontier": frontier},
    )
    return built, pipeline.scan([str(built.log)], scratch / "results", settings)


def planted(results: Path, wanted: list[Case]) -> list[tuple[Case, bool, dict[str, float]]]:
    """For each planting beside a scan's groups: was it seen, and its bits by detector."""
    settings, known = pipeline.kept(results / pipeline.STORE)
    out = []
    with DuckDBEngine(results / pipeline.STORE, settings.engine) as engine:
        window = pipeline.window_of(engine)
        for seed in range(1, PLANTINGS + 1):
            asked = [case.planted(group) for group, case in enumerate(wanted, 1)]
            with pipeline.planted_beside(engine, settings, window, seed, wanted=asked) as (scratch, made):
                if not made:
                    continue
                hits = seen(engine, scratch, settings.campaigns, known)
                bits = by_detector(scratch.read(tables.EVIDENCE))
            out += [(wanted[p.group - 1], p.group in hits, bits[p.group]) for p in made]
    return out


def by_detector(evidence: pa.Table) -> dict[int, dict[str, float]]:
    """Group -> detector -> bits."""
    out: dict[int, dict[str, float]] = {}
    for row in evidence.select(["group", "detector", "weight_bits"]).to_pylist():
        out.setdefault(row["group"], {})[row["detector"]] = row["weight_bits"]
    return out


@dataclass(frozen=True, slots=True)
class Real:
    """
    What a scan made of a campaign that is there.

    Args:
        grouped: Is there a group that is the campaign's, of the kind that the planted shape stands for?
        seen: Would such a group be `likely`, were it the only finding?
        found: Was the campaign found?
        bits: By detector, of the group that holds most of its accounts.
    """

    grouped: bool
    seen: bool
    found: bool
    bits: dict[str, float]


def real(built: worlds.WorldReport, outcome: pipeline.Outcome, case: Case) -> Real:
    """Hold a scan against the truth."""
    results = outcome.folder
    graded = worlds.grade(built.truth, results, Found.all_of(outcome.document))
    people = pq.read_table(built.truth / "accounts.parquet", columns=["account_id", "campaign"])
    settings, known = pipeline.kept(results / pipeline.STORE)
    with DuckDBEngine(results / pipeline.STORE, settings.engine) as engine:
        harvesting = people.filter(pc.is_valid(people["campaign"]))
        mine = engine.query(
            f"""SELECT m."group", count(DISTINCT m.account) AS n FROM group_accounts m JOIN accounts a ON a.account = m.account
            JOIN harvesting h ON h.account_id = a.account_id JOIN groups g ON g."group" = m."group"
            WHERE g.told_by {"= 'wording'" if case.shape.startswith("templated") else "<> 'wording'"}
            GROUP BY m."group", g.n_accounts HAVING count(DISTINCT m.account) >= {MOSTLY} * g.n_accounts
            ORDER BY n DESC, m."group" """,
            harvesting=harvesting,
        )["group"].to_pylist()
        judged = weighed(engine, settings.campaigns, known)
        n_tests = 1.0 + effective_tests(engine, judged.groups[judged.enough], judged.p[judged.enough])
        likely = judged.enough & (n_tests * judged.p <= settings.campaigns.q)
        likely &= judged.n_families >= settings.campaigns.min_families
        passed = set(judged.groups[likely].tolist()) & set(mine)
        shown = bool(passed - better_explained(engine, sorted(passed), known))
        bits = by_detector(engine.read(tables.EVIDENCE)).get(mine[0], {}) if mine else {}
    return Real(bool(mine), shown, any(graded.planted.values()), bits)


def measured(seed: int, dated: bool) -> dict[str, Any]:
    """One world: what was planted, and what was there."""
    began = time.process_time()
    world = quiet()
    with tempfile.TemporaryDirectory(prefix="stillwatch-frontier-") as scratch:
        built, outcome = scanned(world, seed, Path(scratch), dated, frontier=True)
        frontier = outcome.document.frontier
        wanted = [c for c in cases(frontier) if dated or not c.aged]
        said = planted(outcome.folder, wanted)
    rows = []
    for case in wanted:
        with tempfile.TemporaryDirectory(prefix="stillwatch-frontier-") as scratch:
            with_it = replace(world, parts={**world.parts, "planted": case.real(world.days)})
            there = real(*scanned(with_it, seed, Path(scratch), dated), case)
        own = [(hit, bits) for c, hit, bits in said if c == case]
        rows.append(
            {
                **asdict(case),
                "planted": [sum(hit for hit, _ in own), len(own)],
                "grouped": there.grouped,
                "seen": there.seen,
                "found": there.found,
                "planted_bits": _means([bits for _, bits in own]),
                "real_bits": _means([there.bits]),
            }
        )
    return {
        "seed": seed,
        "dated": dated,
        "n_exchanges": built.n_exchanges,
        "n_accounts": built.n_accounts,
        "points": [sum(p.n_accounts is not None for p in frontier), len(frontier)],
        "cases": rows,
        "cpu_s": round(time.process_time() - began, 1),
    }


def _means(told: Iterable[Mapping[str, float]]) -> dict[str, float]:
    of: dict[str, list[float]] = {}
    for bits in told:
        for name, value in bits.items():
            of.setdefault(name, []).append(value)
    return {name: round(fmean(values), 2) for name, values in sorted(of.items())}


def main() -> None:
    """Measure every world."""
    parser = argparse.ArgumentParser(description="Does the frontier tell the truth?")
    parser.add_argument("--seeds", default="3501-3508", help="first and last seed")
    parser.add_argument("--dry", type=Path, help="append lines here, do not record")
    given = parser.parse_args()
    for seed in seeds_of(given.seeds):
        for dated in (True, False):
            told = measured(seed, dated)
            if given.dry:
                with given.dry.open("ab") as out:
                    out.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
            else:
                record(SCENARIO, told)
            hits, n = (sum(c["planted"][i] for c in told["cases"]) for i in (0, 1))
            there = {k: sum(c[k] for c in told["cases"]) for k in ("grouped", "seen", "found")}
            print(
                f"{seed}, dated {dated}: planted {hits} of {n}; {there} of {len(told['cases'])}; {told['cpu_s']:.0f} CPU s",
                flush=True,
            )


if __name__ == "__main__":
    main()
