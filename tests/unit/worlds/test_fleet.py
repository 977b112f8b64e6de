"""The dials that every campaign shape has."""

from collections import Counter

import numpy as np
import pytest
from tests.planting import ERA, Planted, planted

from stillwatch.worlds.clock import DAY, HOUR
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.shapes.split import Split


@pytest.mark.parametrize("cover", [0.0, 0.3, 0.8, 0.95])
def test_cover_is_what_the_dial_says(cover: float) -> None:
    """To within one exchange, over the whole campaign."""
    world = planted(Split(accounts=30, exchanges=1_000, cover=cover))

    assert abs((~world.events.harvested).sum() - cover * 1_000) <= 1


def test_cover_is_one_customers_or_many() -> None:
    """The share of accounts with many customers is a dial."""
    assert planted(Split(accounts=60, exchanges=200, many_customers=0.0)).people.one_customer.all()
    assert not planted(Split(accounts=60, exchanges=200, many_customers=1.0)).people.one_customer.any()


@pytest.mark.parametrize("pivot", [0.0, 0.5, 1.0])
def test_accounts_pivot_within_a_day_of_the_release(pivot: float) -> None:
    """That share, besides those who would have anyhow."""
    adopted = planted(Split(accounts=300, exchanges=300, pivot=pivot)).people.adopted

    quick = ((adopted >= ERA.release) & (adopted < ERA.release + DAY)).mean()

    assert pivot - 0.08 < quick < pivot + (1 - pivot) * 0.06 + 0.08


def test_reused_infrastructure_is_shared() -> None:
    """All on few cards at 1, hardly any shared card at 0."""
    reused = planted(Split(accounts=100, exchanges=100, infra_reuse=1.0, accounts_a_card=10)).people
    clean = planted(Split(accounts=100, exchanges=100, infra_reuse=0.0)).people

    assert len(set(reused.payment.tolist())) <= 10
    assert len(set(reused.device.tolist())) <= 10
    assert len(set(reused.network.tolist())) <= 10
    assert len(set(clean.payment.tolist())) > 90


def test_a_client_may_be_shared() -> None:
    """By the share of accounts that the dial says."""
    clients = Counter(planted(Split(accounts=200, exchanges=200, shared_client=0.9)).people.client.tolist())

    assert 165 < clients.most_common(1)[0][1] <= 200


@pytest.mark.parametrize(("signup", "span_days"), [("burst", 4), ("staggered", 62)])
def test_sign_ups_fall_into_their_span(signup: str, span_days: int) -> None:
    """Two days for a burst, sixty for staggered ones, hours apart."""
    created = planted(Split(accounts=100, exchanges=200, signup=signup)).people.created

    assert created.max() - created.min() <= span_days * DAY
    assert len(set((created // HOUR).tolist())) > 20


def test_aged_accounts_signed_up_like_anyone() -> None:
    """Over more than half a year."""
    created = planted(Split(accounts=100, exchanges=200, signup="aged")).people.created

    assert created.max() - created.min() > 180 * DAY


def test_jitter_loosens_the_common_hours() -> None:
    """Without it the accounts share idle hours; with all of it they keep their own rhythm."""
    tight = Planted(Split(accounts=30, exchanges=3_000, cover=0.0, jitter=0.0, days=6.0))
    loose = Planted(Split(accounts=30, exchanges=3_000, cover=0.0, jitter=1.0, days=6.0))

    hours = [len(np.unique(w.events.at // HOUR)) for w in (tight, loose)]

    assert hours[0] < 110
    assert hours[1] > hours[0] + 20


@pytest.mark.parametrize(
    "dials", [{"cover": 0.96}, {"cover": -0.1}, {"jitter": 1.1}, {"pivot": -1.0}, {"infra_reuse": 2.0}, {"signup": "never"}]
)
def test_dials_out_of_range_are_refused(dials: dict[str, float]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Fleet(**dials)  # type: ignore[arg-type]
