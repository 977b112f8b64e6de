"""The smallest campaign that a log would have shown: planted campaigns, judged as the log's own groups are."""

from collections.abc import Sequence
from typing import Protocol

from stillwatch.campaigns import judge, reference
from stillwatch.engine.base import Engine
from stillwatch.records import campaign
from stillwatch.settings import CampaignSettings


class Planted(Protocol):
    """What must be known of a planted campaign."""

    @property
    def group(self) -> int:
        """Its number in the tables."""
        ...

    @property
    def shape(self) -> str:
        """What kind of campaign."""
        ...

    @property
    def n_accounts(self) -> int:
        """Accounts."""
        ...

    @property
    def requests(self) -> int:
        """Exchanges an account, cover included."""
        ...

    @property
    def cover(self) -> float:
        """Share of cover, 0…1."""
        ...


def frontier(
    engine: Engine, scratch: Engine, settings: CampaignSettings, known: reference.Reference, planted: Sequence[Planted]
) -> tuple[campaign.FrontierPoint, ...]:
    """
    For each shape and cover, the planted campaign of fewest exchanges that is `likely` with all larger ones.

    A planted campaign is one more test beside this log's own, and the only finding: so q is p times that many tests.

    Args:
        engine: The log's tables, CAMPAIGNS included.
        scratch: Tables of the planted campaigns, EVIDENCE included.
        settings: Rules of the verdict.
        known: The reference that the log was held against.
        planted: What is in `scratch`.
    """
    found = seen(engine, scratch, settings, known) if planted else frozenset()
    cells = dict.fromkeys((p.shape, p.cover) for p in planted)
    return tuple(
        _point(shape, cover, [p for p in planted if (p.shape, p.cover) == (shape, cover)], found) for shape, cover in cells
    )


def seen(engine: Engine, scratch: Engine, settings: CampaignSettings, known: reference.Reference) -> frozenset[int]:
    """Planted groups that would be `likely`: each is one more test beside this log's own, and the only finding."""
    own, theirs = judge.weighed(engine, settings, known), judge.weighed(scratch, settings, known)
    n_tests = 1.0 + judge.effective_tests(engine, own.groups[own.enough], own.p[own.enough])
    likely = theirs.enough & (n_tests * theirs.p <= settings.q) & (theirs.n_families >= settings.min_families)
    found = theirs.groups[likely].tolist()
    return frozenset(found) - judge.better_explained(scratch, found, known)


def _point(shape: str, cover: float, planted: Sequence[Planted], seen: frozenset[int]) -> campaign.FrontierPoint:
    safe = [
        p for p in planted if all(o.group in seen for o in planted if o.n_accounts >= p.n_accounts and o.requests >= p.requests)
    ]
    least = min(safe, key=lambda p: (p.n_accounts * p.requests, p.n_accounts), default=None)
    most = max(planted, key=lambda p: (p.n_accounts * p.requests, p.n_accounts))
    return campaign.FrontierPoint(
        shape=shape,
        cover=cover,
        n_accounts=least.n_accounts if least else None,
        requests_per_account=least.requests if least else None,
        n_planted=len(planted),
        n_seen=sum(p.group in seen for p in planted),
        in_words=_in_words(shape, cover, least, most),
    )


def _in_words(shape: str, cover: float, least: Planted | None, most: Planted) -> str:
    what = f"{shape}, {cover:.0%} of its traffic cover"
    if least is None:
        return (
            f"A campaign ({what}) would not have been seen for certain in this log even at {most.n_accounts:,} accounts of "
            f"{most.requests:,} requests each, the largest that was planted."
        )
    return (
        f"A campaign ({what}) would have been seen in this log from {least.n_accounts:,} accounts of {least.requests:,} requests "
        "each on, if its accounts were made for it and were grouped."
    )
