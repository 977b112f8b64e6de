"""
A group in, evidence out: each detector says one thing about each group, in bits, with its null and its reason.

Families: `pool` (one pool of prompts dealt out, against a shared list), `timing`, `release`, `infrastructure`, `homogeneity`
(accounts made and used alike), `relay` (many end users behind one account), `replay` (a model's reasoning sent back by
others), `peers` (what other providers saw). Within a family the strongest weight for a campaign counts; evidence against
always counts. That rule is applied by campaigns/.
"""

from dataclasses import replace

from stillwatch.engine.base import Engine
from stillwatch.evidence.base import Detector, Skipped
from stillwatch.evidence.collisions import InfrastructureCollisions
from stillwatch.evidence.duplicate_fill import DuplicateFill
from stillwatch.evidence.peers import Peers
from stillwatch.evidence.persistence import Persistence
from stillwatch.evidence.pivot import ModelPivot
from stillwatch.evidence.platform import Platform
from stillwatch.evidence.relay import Relay
from stillwatch.evidence.replay import Replay
from stillwatch.evidence.signups import Signups
from stillwatch.evidence.synchrony import Synchrony
from stillwatch.evidence.volumes import Volumes
from stillwatch.evidence.weighing import run
from stillwatch.records.window import Window

__all__ = ["DETECTORS", "Detector", "Skipped", "weigh"]

DETECTORS: tuple[Detector, ...] = (
    Persistence(),
    DuplicateFill(),
    Synchrony(),
    ModelPivot(),
    Signups(),
    Volumes(),
    Relay(),
    Replay(),
    InfrastructureCollisions("payment"),
    InfrastructureCollisions("device"),
    InfrastructureCollisions("network"),
    InfrastructureCollisions("client"),
    Peers(),
)


def weigh(engine: Engine, window: Window, available: frozenset[str], beside: Engine | None = None) -> tuple[Skipped, ...]:
    """
    Run every detector whose columns the log has over all groups, and write the table `evidence`.

    Args:
        engine: Holds `groups`, `group_exchanges`, `group_accounts` and `models`.
        window: What the scan looks at.
        available: Columns of `signatures` that hold anything, and `peer_hits` where that table is there.
        beside: The log beside which the groups were planted, whose platform is theirs; none = they are the engine's own.

    Returns:
        The detectors that could not speak, with the reason in words.

    Raises:
        DetectorError: a detector did not give exactly one sound row a group.
    """
    if beside is None:
        return run(DETECTORS, engine, window, available)
    detectors = tuple(replace(d, outside=True) if isinstance(d, ModelPivot) else d for d in DETECTORS)
    return run(detectors, engine, window, available, Platform.of(beside))
