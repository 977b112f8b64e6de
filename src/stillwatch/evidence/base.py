"""
What a detector is, and what it says.

Why not one model over all features: an analyst, a court and an operator under suspicion are owed a reason that can be
checked, and a log that lacks a column must lose one witness and not the verdict. So each detector speaks alone, in bits,
with its own null, and says 0.0 where it cannot tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from stillwatch.engine.base import Engine
from stillwatch.evidence.scene import Scene
from stillwatch.records.tables import EVIDENCE
from stillwatch.records.window import Window


class Detector(Protocol):
    """One channel of evidence."""

    @property
    def name(self) -> str:
        """Stored with evidence: never renamed."""
        ...

    @property
    def family(self) -> str:
        """Detectors that see the same behaviour; the strongest of a family counts."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """Columns of `signatures` without which it cannot speak."""
        ...

    @property
    def cap_bits(self) -> float:
        """Most it ever says, for or against."""
        ...

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` for each row of `groups`, in their order."""
        ...

    def examples(self) -> "tuple[Example, ...]":
        """A few tiny logs, and what it says of them."""
        ...


@dataclass(frozen=True, slots=True)
class Skipped:
    """A detector that could not speak, and why, in words for a person."""

    detector: str
    reason: str


@dataclass(frozen=True, slots=True)
class Statement:
    """
    What one detector says of one group.

    Args:
        weight_bits: log2 of the likelihood ratio campaign : background; 0.0 where it cannot tell.
        reason: One sentence for a person, with the numbers, and no customer's text.
        n: Observations that it stands on.
        statistic: The observed statistic; None where there is none.
        null_mean: Its mean under the null.
        null_sd: Its standard deviation under the null.
    """

    weight_bits: float
    reason: str
    n: int = 0
    statistic: float | None = None
    null_mean: float | None = None
    null_sd: float | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """
    A tiny log that shows what a detector does.

    Args:
        title: What the log shows.
        scene: The log; group 1 is the one spoken of.
        says: "for", "against" or "nothing": at least one bit for, at least one against, or less than one.
    """

    title: str
    scene: Scene
    says: str


def statements_table(detector: Detector, groups: pa.Table, statements: Iterable[Statement]) -> pa.Table:
    """Rows of `evidence`, one a group, with weights clipped to the detector's cap."""
    said = list(statements)
    weights = np.clip([s.weight_bits for s in said], -detector.cap_bits, detector.cap_bits)
    columns = {
        "group": groups["group"].to_numpy(),
        "detector": [detector.name] * len(said),
        "family": [detector.family] * len(said),
        "weight_bits": weights,
        "statistic": [s.statistic for s in said],
        "null_mean": [s.null_mean for s in said],
        "null_sd": [s.null_sd for s in said],
        "n": [s.n for s in said],
        "reason": [s.reason for s in said],
    }
    return pa.table({c: pa.array(columns[c], EVIDENCE.schema.field(c).type) for c in EVIDENCE.names}, schema=EVIDENCE.schema)
