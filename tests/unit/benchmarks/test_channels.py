"""Statistics of the channels that are not shipped, and the laws they are weighed by."""

import numpy as np
import pytest
from benchmarks.quality.channels.base import SILENT, Seen, fitted
from benchmarks.quality.channels.isolation import isolated
from benchmarks.quality.channels.late_pivot import most_at_once
from benchmarks.quality.channels.technique_search import risen

from stillwatch.evidence.groups import GroupRows, Ragged


def test_a_search_is_told_account_by_account() -> None:
    """Thirty accounts with thirty wordings, then one; those who only come or only go are compared with nobody."""
    unit, seen = np.tile(np.arange(30), 6), np.repeat(np.arange(6), 30)
    row, tried = np.arange(180), np.where(seen < 3, 1 + unit, 99)

    assert risen(unit, row, seen, tried) == pytest.approx(np.full(30, np.log(30)))
    assert risen(unit, row, seen, np.full(180, 99)).tolist() == [0.0] * 30
    assert risen(np.where(seen < 3, unit, unit + 30), row, seen, tried).size == 0
    assert risen(unit[:0], row[:0], seen[:0], tried[:0]).size == 0


def test_wording_is_as_common_as_the_most_common_recipe() -> None:
    """A recipe of one's own beside the one of all changes nothing; none at all is as rare as one's own."""
    unit, seen, row = (np.repeat(a, 2) for a in (np.tile(np.arange(30), 6), np.repeat(np.arange(6), 30), np.arange(180)))
    beside = np.where(np.arange(360) % 2 == 0, 99, 100 + unit)

    assert risen(unit, row, seen, beside).tolist() == [0.0] * 30
    assert risen(unit, row, seen, np.where(seen < 3, 0, beside)) == pytest.approx(np.full(30, np.log(30)))


def test_requests_without_a_word_of_ones_others_are_isolated() -> None:
    """Of four requests of one account two share a word; another account's words do not count."""
    account = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    words = Ragged(np.array([1, 2, 2, 3, 1, 4, 5, 6, 7]), np.array([0, 1, 2, 3, 4, 5, 6, 8, 9]))

    assert isolated(GroupRows(account, {}, {"tokens": words})).tolist() == [0.5, 1.0]


def test_the_most_telling_day_counts() -> None:
    """Six of twelve that still waited moved within two days; whoever moved at once had not waited."""
    assert most_at_once([*[(9, 3)] * 6, *[(9, None)] * 6, *[(9, 0)] * 9]) == (6, 12)
    assert most_at_once([(9, 0)] * 30) is None


def test_laws_tell_what_is_higher_in_campaigns_and_nothing_else() -> None:
    """A statistic that is higher in campaigns speaks for them; one that is lower, or alike, says nothing."""
    rng = np.random.default_rng(1)
    campaign = np.arange(200) >= 180
    x = rng.normal(0, 0.3, 200) + 3.0 * campaign

    rates = fitted(x, np.full(200, 0.1), campaign)

    assert rates.bits(3.0, 0.1) > 3 > 0 > rates.bits(0.0, 0.1)
    assert fitted(-x, np.full(200, 0.1), campaign) is SILENT
    assert fitted(rng.normal(0, 0.3, 200), np.full(200, 0.1), campaign) is SILENT


def test_shares_and_means_know_their_error() -> None:
    """A share of four units is known less well than one of four hundred, and never for certain."""
    assert Seen.share(4, 4).se > Seen.share(400, 400).se > 0
    assert Seen.mean(np.array([1.0, 3.0])) == Seen(2.0, 1.0, 2)
