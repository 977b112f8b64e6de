"""What the frontier's lines say together: how often planted and real campaigns are seen, and by how many bits of each channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson

from stillwatch.worlds.grade import Share


@dataclass(frozen=True, slots=True)
class Held:
    """
    Campaigns of one kind, planted and real.

    Args:
        planted: Plantings that were seen.
        grouped: Real campaigns that have a group of their own.
        seen: Of these, those whose group would be `likely`, were it the only finding.
        found: Real campaigns that a scan found.
    """

    planted: Share
    grouped: Share
    seen: Share
    found: Share


def lines(path: Path) -> list[dict[str, Any]]:
    """The newest line of each world."""
    told = map(orjson.loads, path.read_bytes().splitlines()) if path.exists() else ()
    return sorted({(t["seed"], t["dated"]): t for t in told}.values(), key=lambda t: (int(t["seed"]), not t["dated"]))


def cases(told: Iterable[Mapping[str, Any]], shape: str, dated: bool, size: str, aged: bool = False) -> list[Mapping[str, Any]]:
    """Every case of one kind, of the shapes whose names begin so."""
    mine = (c for t in told if t["dated"] == dated for c in t["cases"])
    return [c for c in mine if c["shape"].startswith(shape) and (c["size"], c["aged"]) == (size, aged)]


def held(some: Sequence[Mapping[str, Any]]) -> Held:
    """Counted together."""
    grouped = [c for c in some if c["grouped"]]
    return Held(
        Share(sum(c["planted"][0] for c in some), sum(c["planted"][1] for c in some)),
        Share(len(grouped), len(some)),
        Share(sum(c["seen"] for c in grouped), len(grouped)),
        Share(sum(c["found"] for c in some), len(some)),
    )


def bits(some: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Channel -> mean bits of planted groups and of those of real campaigns, over the cases that have one."""
    grouped = [c for c in some if c["grouped"]]
    told: dict[str, tuple[list[float], list[float]]] = {}
    for case in grouped:
        for channel, value in case["planted_bits"].items():
            if channel in case["real_bits"]:
                mine = told.setdefault(channel, ([], []))
                mine[0].append(value)
                mine[1].append(case["real_bits"][channel])
    return {channel: (fmean(planted), fmean(real)) for channel, (planted, real) in sorted(told.items())}
