"""The rows of a waterfall."""

from dataclasses import replace
from itertools import pairwise

from tests.results import a_campaign

from stillwatch.records.campaign import Campaign, EvidenceItem
from stillwatch.report import waterfall


def with_evidence(*items: EvidenceItem, base: float = 0.0) -> Campaign:
    score = base + sum(i.weight_bits for i in items if i.counted)
    return replace(a_campaign(), evidence=items, base_bits=base, score_bits=score)


def an_item(channel: str, family: str, bits: float, counted: bool = True) -> EvidenceItem:
    return EvidenceItem(channel, family, bits, 1.0, None, 5, "Words.", counted)


def test_the_bars_join_up_from_base_to_score() -> None:
    """Each counted bar starts where the last one ended, and the last one ends at the score."""
    campaign = a_campaign()

    rows = waterfall.bars(campaign)

    counted = [r for r in rows if r.kind in ("base", "counted")]
    assert all(b.start == a.end for a, b in pairwise(counted))
    assert abs(counted[-1].end - campaign.score_bits) < 1e-9
    assert rows[0].kind == "base"
    assert rows[-1].kind == "score"


def test_families_come_by_contribution_and_the_silent_last() -> None:
    """The largest first, those against at the end, and what says nothing after them."""
    campaign = with_evidence(an_item("zero", "z", 0.0, False), an_item("minus", "m", -2.0), an_item("plus", "p", 5.0), base=-3.0)

    labels = [r.label for r in waterfall.bars(campaign)]

    assert labels == ["base", "plus", "minus", "zero", "score"]


def test_silent_evidence_says_why_and_starts_where_its_family_did() -> None:
    """A weaker witness of the same behaviour stays in sight beside the one that counts."""
    campaign = with_evidence(an_item("strong", "f", 6.0), an_item("weak", "f", 4.0, False), an_item("odd", "f", -1.0, False))

    rows = {r.label: r for r in waterfall.bars(campaign)}

    assert (rows["weak"].start, rows["weak"].end) == (0.0, 4.0)
    assert rows["weak"].why_silent == "sees the same behaviour as strong, which is stronger"
    assert rows["odd"].why_silent == "left out of the score"
    assert rows["strong"].why_silent is None


def test_each_row_says_what_the_score_would_be_without_it() -> None:
    """Without the strongest witness of a family the next one on its side counts; without a lone one nothing does."""
    campaign = with_evidence(an_item("strong", "f", 6.0), an_item("weak", "f", 4.0, False), an_item("lone", "g", -1.0))

    rows = {r.label: r for r in waterfall.bars(campaign)}

    assert campaign.score_bits == 5.0
    assert rows["strong"].without == 3.0
    assert rows["lone"].without == 6.0
    assert rows["weak"].without is None


def test_evidence_of_no_weight_cannot_tell() -> None:
    """Zero bits that do not count are explained as such."""
    rows = waterfall.bars(with_evidence(an_item("quiet", "q", 0.0, False)))

    assert rows[1].why_silent == "cannot tell"


def test_the_extent_holds_every_bar() -> None:
    """Also a base below zero, and never less than a bit."""
    rows = waterfall.bars(with_evidence(an_item("plus", "p", 5.0), base=-3.0))

    assert waterfall.extent(rows) == (-3.0, 2.0)
    assert waterfall.extent(waterfall.bars(with_evidence())) == (0.0, 1.0)
