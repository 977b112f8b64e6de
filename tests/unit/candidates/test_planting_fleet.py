"""How planted fleets work: volumes, moments, cover, models, and what their accounts are equipped with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.candidates import planting_fleet as fleet
from stillwatch.candidates.planting_source import Release, Source
from stillwatch.records.tables import UTC_TIME
from stillwatch.records.window import Window

RNG = np.random.default_rng
START = datetime(2026, 9, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=14))


def a_source(runs: list[int], release: Release | None = None) -> Source:
    """Accounts with runs of so many exchanges, an hour apart: every one is a sitting."""
    lengths = np.array(runs, np.int64)
    starts = np.cumsum(lengths) - lengths
    n = len(runs)
    people = pa.table(
        {
            "account": pa.array(np.arange(n)),
            "client": pa.array(np.full(n, 7)),
            "client_units": pa.array(np.full(n, n)),
            "n_systems": pa.array(np.arange(n)),
            "account_created_at": pa.array([START - timedelta(days=400 + a) for a in range(n)], UTC_TIME),
        }
    )
    rows = pa.table({"row": pa.array(np.arange(int(lengths.sum())))})
    return Source(rows, np.arange(rows.num_rows), starts, lengths, np.arange(rows.num_rows), people, np.arange(n), "old", release)


def test_a_queue_feeds_its_accounts_evenly_and_to_the_last_exchange() -> None:
    """As many as were asked for in all, each at least one, about e^0.5 apart, and of these a share of cover."""
    work = fleet.Work.of(RNG(1), 400, 20, 0.3)

    assert work.sent.sum() == 8_000
    assert work.sent.min() >= 1
    assert np.std(np.log(work.sent)) == pytest.approx(0.5, abs=0.1)
    assert work.cover.sum() == 2_400
    assert (work.harvested + work.cover == work.sent).all()
    assert work.cover.min() >= 0


def test_the_queue_runs_by_the_hour_and_some_keep_their_own() -> None:
    """Inside the window, in some six of ten hours, but for three in ten exchanges."""
    own = np.full(20_000, WINDOW.start_us - 1)

    at = fleet.moments(RNG(2), WINDOW, own)

    loose = at == own
    queued = np.bincount((at[~loose] - WINDOW.start_us) // fleet.HOUR_US, minlength=14 * 24)
    assert loose.mean() == pytest.approx(0.3, abs=0.02)
    assert at[~loose].min() >= WINDOW.start_us
    assert at.max() < WINDOW.end_us
    assert (queued > 0).mean() == pytest.approx(0.6, abs=0.1)


def test_cover_is_what_accounts_sent_in_their_order() -> None:
    """As much as wanted; half of the accounts have it from one account, the others from several; nothing twice."""
    source = a_source([40] * 50)

    place, whose = fleet.covered(RNG(3), source, np.full(40, 20))

    each = np.split(place, 40)
    sources = [len(np.unique(p // 40)) for p in each]
    assert 10 <= sum(n == 1 for n in sources) <= 30
    assert len(np.unique(place)) == len(place)
    assert all(first == p[0] // 40 for first, p in zip(whose, each, strict=True))


def test_a_short_log_begins_again() -> None:
    """Where it has too few, exchanges are given more than once; where none is wanted, none are."""
    source = a_source([2, 3])

    place, _ = fleet.covered(RNG(3), source, np.array([4, 0, 9]))
    none, whose = fleet.covered(RNG(3), source, np.zeros(3, np.int64))

    assert len(place) == 13
    assert place.max() < 5
    assert len(none) == 0
    assert whose.tolist() == [-1, -1, -1]


def test_some_take_up_a_new_model_on_its_first_day() -> None:
    """Four in ten and more; most of what they then send asks for it, nothing before; and without a release, nothing."""
    release = Release("new", WINDOW.start_us + 5 * fleet.DAY_US, 0.1)
    account = np.repeat(np.arange(1_000), 14)
    at = WINDOW.start_us + np.tile(np.arange(14), 1_000) * fleet.DAY_US

    asked = fleet.models(RNG(4), a_source([1], release), account, at, 1_000)

    new = asked == "new"
    assert len(np.unique(account[new])) / 1_000 == pytest.approx(0.45 + 0.55 * 0.1, abs=0.05)
    assert at[new].min() > release.at_us
    assert new[np.isin(account, account[new]) & (at > release.at_us + fleet.DAY_US)].mean() == pytest.approx(0.8, abs=0.03)
    assert set(fleet.models(RNG(4), a_source([1]), account, at, 1_000)) == {"old"}


def test_shared_infrastructure_is_a_few_kits() -> None:
    """Three in ten on kits of ten; units are the campaign's own, and a client's those of the log besides."""
    told = equipped(a_source([5] * 30), reused=0.3)

    kits = np.array(told["payment_units"].to_pylist())
    assert (kits > 1).mean() == pytest.approx(0.3, abs=0.06)
    assert kits[kits > 1].mean() == pytest.approx(10, abs=4)
    assert told["payment"].equals(told["device"])
    assert set(told["client_units"].to_pylist()) == {30 + 400}
    assert set(equipped(a_source([5] * 30))["payment_units"].to_pylist()) == {1}


def test_system_prompts_come_with_the_cover() -> None:
    """As many as the account has whose traffic hides it; without cover none."""
    told = equipped(a_source([5] * 30), whose=np.where(np.arange(400) < 100, 29, -1))

    assert told["n_systems"].to_pylist() == [29] * 100 + [0] * 300


def test_accounts_signed_up_in_a_batch_or_as_anyone() -> None:
    """Within two months not long before the window; aged ones when accounts of the log did."""
    source = a_source([5] * 30)

    batch, aged = (np.array(equipped(source, aged=a)["account_created_at"].to_pylist()) for a in (False, True))

    assert START - timedelta(days=80) <= batch.min()
    assert batch.max() <= START
    assert set(aged) <= set(source.people["account_created_at"].to_pylist())


def test_what_is_unknown_of_some_is_unknown_of_as_many() -> None:
    """A log that knows the date and client of half of its accounts knows those of about half of planted ones."""
    source = a_source([5] * 30)
    half = pa.array(np.arange(30) % 2 == 0)
    people = source.people
    for name in ("account_created_at", "client", "n_systems"):
        nothing = pa.nulls(30, people[name].type)
        people = people.set_column(
            people.column_names.index(name),
            name,
            pa.chunked_array(
                [
                    pa.array(
                        [
                            v if k else n
                            for v, k, n in zip(people[name].to_pylist(), half.to_pylist(), nothing.to_pylist(), strict=True)
                        ],
                        people[name].type,
                    )
                ]
            ),
        )

    told = equipped(replace(source, people=people))

    assert told["account_created_at"].null_count == pytest.approx(200, abs=40)
    assert told["n_systems"].null_count == pytest.approx(200, abs=40)
    assert told["client"].null_count == told["client_units"].null_count > 0


def equipped(source: Source, reused: float = 0.0, aged: bool = False, whose: np.ndarray | None = None) -> dict[str, pa.Array]:
    """Four hundred accounts."""
    work = fleet.Work.of(RNG(5), 400, 10, 0.0)
    first = np.full(400, -1) if whose is None else whose
    return fleet.equipped(RNG(5), source, WINDOW, np.arange(1, 401), work, first, reused, aged)
