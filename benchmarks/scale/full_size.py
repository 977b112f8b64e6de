"""
scale.full_size: a scan of the first published case, or of it made smaller, stage by stage: CPU, peak memory, bytes spilled.

    python -m benchmarks.scale.full_size [--share 1.0] [--preset published-24000] [--world DIR] [--survey] [--dry]

Made smaller, every part of more than 100,000 exchanges has fewer, and all have their accounts. The world is simulated (own
grammars, one core) and scanned on all cores, each in a process of its own. Memory is that of all processes of the scan
together, sampled every fifth of a second: resident pages, and of these the anonymous ones, which the system cannot take back.
Spilled are the arrays of the stages and what the database writes beside them. A survey ends with the evidence: nobody is judged.
"""

import argparse
import json
import os
import resource
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.record import record

from stillwatch import pipeline, worlds
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.privacy import Key
from stillwatch.records import tables
from stillwatch.settings import Settings, with_changes

SEED = 1
EVERY_S = 0.2
LARGE_PART = 100_000  # exchanges


def cpu_seconds() -> float:
    """Of this process and of all children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(r.ru_utime + r.ru_stime for r in both)


def resident(process: int) -> tuple[int, int]:
    """Bytes resident, and of these anonymous, of a process and its descendants."""
    total = anonymous = 0
    waiting = [process]
    while waiting:
        pid = waiting.pop()
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended
            continue
        total += 1024 * int(status.get("VmRSS", "0 kB").split()[0])
        anonymous += 1024 * int(status.get("RssAnon", "0 kB").split()[0])
    return total, anonymous


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder that others write to meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # it is gone
            continue
    return total


@dataclass
class Watch:
    """CPU, wall, memory and spill of each stage."""

    spill: Path
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    name: str = "start"
    ended: bool = False
    _last: dict[str, float] = field(default_factory=dict)

    def stage(self, name: str, total_rows: int | None) -> None:
        """A stage begins."""
        self._close()
        self.name = name

    def advance(self, rows: int) -> None:
        """Rows are not counted one by one."""

    def done(self) -> None:
        """What comes between two stages belongs to nobody."""
        self._close()
        self.name = "document"

    def say(self, sentence: str) -> None:
        """Nothing is said in a benchmark."""

    def _close(self) -> None:
        now = self._now()
        stage = self.stages.setdefault(self.name, {})
        for key, value in now.items():
            stage[key] = stage.get(key, 0.0) + value - self._last[key]
        self._last = now

    def _now(self) -> dict[str, float]:
        return {"cpu_s": cpu_seconds(), "wall_s": time.perf_counter()}

    def begin(self) -> None:
        """The clocks start."""
        self._last = self._now()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def end(self) -> None:
        """The clocks stop."""
        self._close()
        self.ended = True
        self._sampler.join()

    def _sample(self) -> None:
        while not self.ended:
            stage = self.stages.setdefault(self.name, {})
            total, anonymous = resident(os.getpid())
            for key, value in (("peak_bytes", total), ("anonymous_bytes", anonymous), ("spill_bytes", size_of(self.spill))):
                stage[key] = max(stage.get(key, 0.0), value)
            time.sleep(EVERY_S)


def shrunk(world: worlds.World, share: float) -> worlds.World:
    """The same accounts with a share of the exchanges, but for the small parts."""
    if share == 1.0:
        return world
    large = {name: part for name, part in world.parts.items() if part.exchanges > LARGE_PART}
    dials = {f"{name}.exchanges": str(max(round(share * part.exchanges), part.accounts)) for name, part in large.items()}
    return worlds.with_dials(world, dials)


def simulated(preset: str, share: float, folder: str) -> dict[str, float]:
    """Build the world; CPU seconds and peak memory."""
    report = worlds.build(shrunk(worlds.preset(preset), share), SEED, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"n_exchanges": report.n_exchanges, "n_accounts": report.n_accounts, "cpu_s": cpu_seconds(), "peak_bytes": peak}


def kept_or_made(preset: str, share: float, folder: Path) -> dict[str, float]:
    """`simulated` in a process of its own, or what it said when it made this folder."""
    told = folder / "made.json"
    if told.exists():
        known = json.loads(told.read_text())
        if (known["preset"], known["share"]) != (preset, share):
            raise SystemExit(f"{folder} holds another world ({known['preset']}, share {known['share']}). Name another --world")
        return dict(known["made"])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        made = pool.submit(simulated, preset, share, str(folder)).result()
    told.write_text(json.dumps({"preset": preset, "share": share, "made": made}))
    return made


def scanned(log: str, out: str, key: str) -> dict[str, Any]:
    """Scan it; stages, and what was found."""
    watch = Watch(Path(out) / pipeline.STORE / "spill")
    watch.begin()
    settings = with_changes(Settings(), privacy={"key_file": Path(key)})
    outcome = pipeline.scan([log], Path(out), settings, observer=watch)
    watch.end()
    return {"stages": watch.stages, "n_campaigns": len(outcome.document.campaigns), "n_groups": outcome.document.n_groups}


def surveyed(log: str, out: str, key: str) -> dict[str, Any]:
    """Read it and weigh every group; stages, and the bytes of arrays that they spilled."""
    watch = Watch(Path(out) / "spill")
    watch.begin()
    with DuckDBEngine(Path(out), Settings().engine) as engine:
        pipeline.survey([log], engine, Settings(), Key.from_file(Path(key)), watch)
        watch.end()
        return {"stages": watch.stages, "n_groups": engine.read(tables.GROUPS).num_rows, "array_bytes": engine.spilled_bytes}


def main() -> None:
    """Build, scan, print a line a stage, append one JSON line to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--share", type=float, default=1.0, help="of the exchanges of the large parts")
    parser.add_argument("--preset", default="published-24000")
    parser.add_argument("--survey", action="store_true", help="end with the evidence")
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    parser.add_argument("--world", type=Path, help="a folder where the world is kept, and found again")
    parser.add_argument("--simulate", action="store_true", help="end with the world")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-full-") as scratch:
        folder = Path(scratch)
        world = asked.world or folder / "world"
        (folder / "key").write_bytes(b"a key of benchmarks, no secret..")
        made = kept_or_made(asked.preset, asked.share, world)
        print("simulate", {k: round(v, 1) for k, v in made.items()}, flush=True)
        if asked.simulate:
            return
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # not daemonic: it has children of its own
            run = surveyed if asked.survey else scanned
            found = pool.submit(run, str(world / "log"), str(folder / "out"), str(folder / "key")).result()
    n, stages = made["n_exchanges"], found["stages"]
    for name, stage in stages.items():
        stage["cpu_us_an_exchange"] = 1e6 * stage.get("cpu_s", 0.0) / n
        print(f"  {name:<12}", {k: round(v, 2) for k, v in stage.items()}, flush=True)
    totals = {key: sum(s.get(key, 0.0) for s in stages.values()) for key in ("cpu_s", "wall_s")}
    totals |= {key: max(s.get(key, 0.0) for s in stages.values()) for key in ("peak_bytes", "anonymous_bytes", "spill_bytes")}
    totals["cpu_us_an_exchange"] = 1e6 * totals["cpu_s"] / n
    print("  all", {k: round(v, 2) for k, v in totals.items()}, {k: v for k, v in found.items() if k != "stages"})
    if not asked.dry:
        loaded = os.getloadavg()[1]
        numbers = {
            "seed": SEED,
            "preset": asked.preset,
            "share": asked.share,
            "until": "evidence" if asked.survey else "document",
            "load_average": loaded,
            "simulate": made,
        }
        record("scale.full_size", numbers | totals | found)


if __name__ == "__main__":
    main()
