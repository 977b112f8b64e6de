"""Runs detectors over groups, a chunk of groups at a time, and holds each to its contract."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.engine.memory import give_back
from stillwatch.errors import DetectorError
from stillwatch.evidence.base import Detector, Skipped
from stillwatch.evidence.groups import Chunk
from stillwatch.evidence.platform import Platform
from stillwatch.records.tables import EVIDENCE, GROUPS
from stillwatch.records.window import Window

CHUNK_EXCHANGES = 500_000  # some 200 MB of rows with their words
MANY_CHUNKS = 4  # from which more processes pay: one takes two seconds to start, and a chunk as long to weigh


def run(
    detectors: Sequence[Detector], engine: Engine, window: Window, available: frozenset[str], platform: Platform | None = None
) -> tuple[Skipped, ...]:
    """Run what can run, write `evidence`, and say what could not; where no platform is given, the engine's own is measured."""
    speaking = [d for d in detectors if d.needs <= available]
    silent = [Skipped(d.name, _why_silent(d, available)) for d in detectors if not d.needs <= available]
    groups = engine.read(GROUPS).sort_by("group")
    weigh, chunks = Weigh(engine.root, tuple(speaking), window, platform or Platform.of(engine)), list(_chunks(groups))
    said = engine.map(weigh, chunks) if len(chunks) >= MANY_CHUNKS else map(weigh, chunks)
    evidence = pa.concat_tables([EVIDENCE.schema.empty_table(), *said])
    engine.write(EVIDENCE, evidence.sort_by([("group", "ascending"), ("detector", "ascending")]))
    return tuple(silent)


@dataclass(frozen=True, slots=True)
class Weigh:
    """What the detectors say of some groups, whichever process asks them."""

    root: Path
    detectors: tuple[Detector, ...]
    window: Window
    platform: Platform

    def __call__(self, groups: pa.Table) -> pa.Table:
        said = self._said(groups)
        give_back()  # what the chunk held is free only now
        return pa.concat_tables([EVIDENCE.schema.empty_table(), *said])

    def _said(self, groups: pa.Table) -> list[pa.Table]:
        with Chunk(self.root, groups, self.platform) as engine:
            return [checked(d, groups, d.detect(engine, groups, self.window)) for d in self.detectors]


def checked(detector: Detector, groups: pa.Table, said: pa.Table) -> pa.Table:
    """
    What a detector said, if it kept its contract.

    Raises:
        DetectorError: not exactly one row a group, a weight that is not finite or beyond the cap, or a wrong name.
    """
    if said.schema.names != list(EVIDENCE.names):
        raise DetectorError(f"detector '{detector.name}' gave other columns than the table 'evidence' has")
    if not np.array_equal(np.sort(said["group"].to_numpy()), np.sort(groups["group"].to_numpy())):
        raise DetectorError(
            f"detector '{detector.name}' gave {said.num_rows} rows for {groups.num_rows} groups. "
            "A detector says exactly one thing about each group, 0.0 bits where it cannot tell"
        )
    weights = said["weight_bits"].to_numpy()
    if not np.isfinite(weights).all() or (np.abs(weights) > detector.cap_bits).any():
        raise DetectorError(
            f"detector '{detector.name}' gave a weight that is not finite or beyond its cap of {detector.cap_bits:g} bits"
        )
    if set(said["detector"].to_pylist()) - {detector.name} or set(said["family"].to_pylist()) - {detector.family}:
        raise DetectorError(f"detector '{detector.name}' spoke under another name or family")
    return said


def _chunks(groups: pa.Table) -> Iterator[pa.Table]:
    """Runs of groups of about CHUNK_EXCHANGES exchanges."""
    if groups.num_rows == 0:
        return
    number = np.cumsum(groups["n_exchanges"].to_numpy()) // CHUNK_EXCHANGES
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    for low, high in zip(starts, [*starts[1:], groups.num_rows], strict=True):
        yield groups.slice(low, high - low).combine_chunks()


def _why_silent(detector: Detector, available: frozenset[str]) -> str:
    missing = ", ".join(sorted(detector.needs - available))
    return f"the log has no {missing}; '{detector.name}' needs it and says nothing"
