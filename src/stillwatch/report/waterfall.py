"""Where a score's bits come from: base, then each family's contribution, then the score; silent evidence stays in sight."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.records.campaign import Campaign, EvidenceItem


@dataclass(frozen=True, slots=True)
class Bar:
    """
    One row of a waterfall.

    Args:
        kind: `base`, `counted`, `silent` (heard, but not part of the score) or `score`.
        start, end: Where the bar begins and ends, bits.
        without: What the score would be had this not been heard, bits; None where it would be the same.
        item: The evidence of the row; None for base and score.
        why_silent: Why it does not count; None where it does.
    """

    kind: str
    label: str
    start: float
    end: float
    item: EvidenceItem | None = None
    why_silent: str | None = None
    without: float | None = None

    @property
    def bits(self) -> float:
        """Length of the bar with its sign."""
        return self.end - self.start


def bars(campaign: Campaign) -> list[Bar]:
    """
    The rows from base to score.

    Families come with the largest contribution first; inside a family, what counts comes before what does not. Each silent item
    starts where its family started, so that its bar shows what it would have added.
    """
    rows = [Bar("base", "base", 0.0, campaign.base_bits)]
    level = campaign.base_bits
    for items in _by_contribution(campaign.evidence):
        before = level
        for item in items:
            if item.counted:
                without = campaign.score_bits - item.weight_bits + _next_best(item, items)
                rows.append(Bar("counted", item.channel, level, level + item.weight_bits, item, without=without))
                level += item.weight_bits
            else:
                rows.append(Bar("silent", item.channel, before, before + item.weight_bits, item, _why_silent(item, items)))
    rows.append(Bar("score", "score", 0.0, campaign.score_bits))
    return rows


def extent(rows: Sequence[Bar]) -> tuple[float, float]:
    """The smallest interval of bits that holds every bar, zero included, at least one bit wide."""
    low = min(0.0, *(min(r.start, r.end) for r in rows))
    high = max(0.0, *(max(r.start, r.end) for r in rows))
    return low, max(high, low + 1.0)


def _by_contribution(evidence: Sequence[EvidenceItem]) -> list[list[EvidenceItem]]:
    families: dict[str, list[EvidenceItem]] = defaultdict(list)
    for item in evidence:
        families[item.family].append(item)
    ordered = sorted(families.items(), key=lambda f: (not any(e.counted for e in f[1]), -_contribution(f[1]), f[0]))
    return [sorted(items, key=lambda e: (not e.counted, -abs(e.weight_bits), e.channel)) for _, items in ordered]


def _contribution(items: Sequence[EvidenceItem]) -> float:
    return sum(e.weight_bits for e in items if e.counted)


def _next_best(item: EvidenceItem, family: Sequence[EvidenceItem]) -> float:
    """Bits of the strongest silent witness on the same side: it would count in this one's place."""
    same_side = [e.weight_bits for e in family if not e.counted and e.weight_bits * item.weight_bits > 0]
    return max(same_side, key=abs, default=0.0)


def _why_silent(item: EvidenceItem, family: Sequence[EvidenceItem]) -> str:
    loudest = next((e for e in family if e.counted and (e.weight_bits > 0) == (item.weight_bits > 0)), None)
    if item.weight_bits == 0.0:
        return "cannot tell"
    if loudest is not None:
        return f"sees the same behaviour as {loudest.channel}, which is stronger"
    return "left out of the score"
