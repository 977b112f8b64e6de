"""The dials that every campaign shape has."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tests.planting import ERA, Planted, planted

from stillwatch.worlds.clock import DAY, HOUR
from stillwatch.worlds.fleet import Fleet
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.render import created_before_use
from stillwatch.worlds.shapes.elicitation import Elicitation
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.split import Split
from stillwatch.worlds.writers import own_context


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


def test_fresh_accounts_sign_up_for_their_first_request() -> None:
    """Within two days before it, each on a day of its own where accounts are used one after another."""
    world = planted(Split(accounts=60, exchanges=600, cover=0.0, signup="fresh", lifetime_days=1.0, jitter=0.0))
    created_before_use(world.people, world.events)

    first = np.array([world.events.at[world.events.account == a].min() for a in range(60)])

    assert ((first - world.people.created > 0) & (first - world.people.created <= 2 * DAY)).all()
    assert np.ptp(world.people.created) > 2 * DAY


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
    "dials",
    [
        {"cover": 0.995},
        {"cover": -0.1},
        {"jitter": 1.1},
        {"pivot": -1.0},
        {"infra_reuse": 2.0},
        {"signup": "never"},
        {"recipes": 4_001},
        {"recipes": -1},
        {"contracts": 257},
        {"pool": 0},
        {"samples": 0},
        {"choices": 2},
        {"persona": 1.5},
        {"entity": -0.5},
        {"topic_shards": 2.0},
        {"lifetime_days": 0.0},
        {"signup_days": -1.0},
        {"pivot_delay_days": 15.0},
        {"pivot_within_days": 0.0},
        {"volume_sigma": -1.0},
        {"requests_an_account": 0.5},
        {"days": 0.0},
    ],
)
def test_dials_out_of_range_are_refused(dials: dict[str, float]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Fleet(**dials)  # type: ignore[arg-type]


def test_requests_an_account_set_the_total() -> None:
    """Also when another dial is turned afterwards."""
    part = Split(accounts=40, requests_an_account=7.5)

    assert part.exchanges == 300
    assert replace(part, accounts=20).exchanges == 150


def test_accounts_may_send_alike() -> None:
    """Without spread every account sends as often as the others, to within one."""
    account = planted(Split(accounts=30, exchanges=500, volume_sigma=0.0, cover=0.0)).events.account

    assert set(np.bincount(account).tolist()) == {16, 17}


@pytest.mark.parametrize("delay", [0.5, 2.0])
def test_a_pivot_may_come_late(delay: float) -> None:
    """Nobody is quick before the delay is over, all are within the dialled days after."""
    part = Split(accounts=200, exchanges=200, pivot=1.0, pivot_delay_days=delay, pivot_within_days=0.5)
    adopted = (planted(part).people.adopted - ERA.release) / DAY

    assert delay <= adopted.min() <= delay + 0.1
    assert delay + 0.4 < adopted.max() < delay + 0.5


def test_a_pool_may_be_sampled_with_replacement() -> None:
    """As many distinct prompts as the dial says, as often as chance has it."""
    counts = Counter(planted(Split(accounts=20, exchanges=2_000, cover=0.0, pool=200)).harvested)

    assert 190 <= len(counts) <= 200
    assert 15 < max(counts.values()) < 30


def test_a_pool_no_smaller_than_the_harvest_is_dealt_out_partly() -> None:
    """What is sampled with replacement repeats by chance, and no prompt comes in other words."""
    counts = Counter(planted(Split(accounts=20, exchanges=400, cover=0.0, pool=400)).harvested)

    assert 0.5 < len(counts) / 400 < 0.75


@pytest.mark.parametrize("choices", [1, 4])
def test_several_answers_may_be_asked_for(choices: int) -> None:
    """By all who have the campaign's client, but for requests with an account's second settings."""
    asked = planted(Split(accounts=20, exchanges=400, shared_client=1.0, choices=choices)).column("n")

    assert asked.count(choices) > 0.8 * 400


def test_an_account_may_keep_to_few_topics() -> None:
    """With the harvest sorted by topic an account's prompts have more words in common than without."""

    def topics(shards: float) -> float:
        world = planted(Split(accounts=24, exchanges=960, cover=0.0, topic_shards=shards, language=0))
        topic = own_context(mix(world.events.item, 51), world.events.item).topic
        return float(np.mean([len(set(topic[world.events.account == a].tolist())) for a in range(24)]))

    assert topics(1.0) < 4 < topics(0.5) < topics(0.0)


def test_the_harvest_is_the_same_prompts_however_they_are_dealt() -> None:
    """Sorting by topic loses none and repeats none."""
    plain, sharded = (planted(Split(accounts=24, exchanges=480, topic_shards=share)) for share in (0.0, 0.7))

    assert sorted(plain.harvested) == sorted(sharded.harvested)


def test_accounts_may_take_turns() -> None:
    """Each harvests within its few days, and all together over the whole harvest."""
    part = Split(accounts=60, exchanges=3_000, cover=0.0, days=7.0, lifetime_days=1.0, jitter=0.3)
    events = planted(part).events
    spans = [np.ptp(events.at[events.account == a]) / DAY for a in range(60)]

    assert np.median(spans) < 2.0
    assert np.ptp(events.at) > 5.5 * DAY
    assert events.at.max() < ERA.end


def test_sign_ups_may_take_longer() -> None:
    """The span of a staggered sign-up is a dial."""
    created = planted(Split(accounts=200, exchanges=400, signup="staggered", signup_days=200.0)).people.created

    assert 150 * DAY < np.ptp(created) < 202 * DAY


def test_personas_are_an_accounts_own() -> None:
    """The dialled share of the harvest opens with one of the account's few, none of cover does."""
    world = planted(Split(accounts=10, exchanges=600, cover=0.5, persona=0.5, language=0))
    opened = [
        (a, p.split("\n\n")[0])
        for a, p, h in zip(world.events.account.tolist(), world.column("prompt"), world.events.harvested.tolist(), strict=True)
        if "\n\n" in p and h
    ]
    by_account = {a: {said for b, said in opened if b == a} for a, _ in opened}

    assert 120 < len(opened) < 180
    assert all(len(said) <= 2 for said in by_account.values())
    assert len(set.union(*by_account.values())) > 12


def test_a_fleet_may_keep_to_an_output_contract() -> None:
    """Every harvested prompt ends with one of as many as the dial says."""
    ends = {p.rsplit("\n\n", 1)[1] for p in planted(Split(accounts=10, exchanges=400, contracts=5)).harvested}

    assert len(ends) == 5


@pytest.mark.parametrize("shape", [Split, Hydra, Elicitation])
@pytest.mark.parametrize("recipes", [0, 1, 9])
def test_every_shape_has_as_many_recipes_as_the_dial_says(shape: type[Fleet], recipes: int) -> None:
    """None at all with 0: then prompts stand alone."""
    part = shape(accounts=10, exchanges=500, cover=0.0, recipes=recipes)
    heads = {p.split("\n\n")[0] if "\n\n" in p else "" for p in planted(part).harvested}

    assert (heads == {""}) if recipes == 0 else ("" not in heads and len(heads) == recipes)
