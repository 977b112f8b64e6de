"""Peers' indicators against one's own requests: found where they are, silent elsewhere, and answered in coarse buckets."""

import random
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.exchanging import indicator
from tests.results import a_campaign, a_document

from stillwatch.privacy import Key
from stillwatch.records.campaign import RecipeUse
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import sketch
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.export.sketch import Epoch
from stillwatch.sharing.hunt import indicators
from stillwatch.sharing.hunt.indicators import Sketched
from stillwatch.sharing.hunt.match import Matcher, bytes_needed
from stillwatch.sharing.hunt.search import HITS, Found, Search
from stillwatch.sharing.hunt.sightings import sightings
from stillwatch.sharing.sigma.rule import Head, Rule, write
from stillwatch.sharing.taxii import times

EPOCH = Epoch("2026q4", Key(b"e" * 32))
WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
TEMPLATE = " ".join(random.Random(1).sample(WORDS, 60))
TOKEN = "dx1.acct-email.2026q4." + "A" * 27
NOW = times.now_us()
START = datetime(2026, 11, 2, 13, 5, tzinfo=UTC)


def sketched(text: str = TEMPLATE, **changes: Any) -> dict[str, Any]:
    """A peer's indicator of a template."""
    made = sketch.sketch(text, EPOCH)
    assert made is not None
    extension = {"algorithm": "minhash-b8", "num_perm": 128, "shingle": "word-4", "normalizer": "dx-norm-1", "key_id": "2026q4"}
    return indicator(
        pattern=f"[artifact:x_dx_minhash = '{sketch.write(made)}']",
        extensions={catalogue.EXTENSION: extension | {"match_threshold": 0.7} | changes},
    )


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Exchanges with the columns that a hunt reads."""
    filled = [
        {"exchange_id": f"x{i}", "account_id": f"a{i}", "seen_at": START, "prompt": None, "system_prompt": None, "ip": None} | row
        for i, row in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(filled)


# ---------------------------------------------------------------- indicators


def test_each_kind_is_read() -> None:
    """Sketches, networks of both versions, tokens."""
    things = [
        sketched(),
        indicator(pattern="[ipv4-addr:value = '203.0.113.0/24']"),
        indicator(pattern="[ipv6-addr:value IN ('2001:db8:1::/48', '2001:db8:2::/48')]"),
        indicator(pattern=f"[user-account:user_id = '{TOKEN}']"),
        {"type": "campaign"},
        "no object",
    ]

    wanted = indicators.read(things, "2026q4", NOW)

    assert (len(wanted.sketches), len(wanted.tokens), wanted.n) == (1, 1, 5)
    assert wanted.unread == {}


@pytest.mark.parametrize(
    ("thing", "why"),
    [
        (sketched(key_id="2026q3"), "a sketch of another epoch"),
        (sketched(num_perm=64), "a sketch of another algorithm"),
        (sketched(match_threshold=0.1), "a sketch that cannot be read"),
        (sketched(match_threshold="0.7"), "a sketch that cannot be read"),
        (indicator(revoked=True), "withdrawn"),
        (indicator(valid_until="2020-01-01T00:00:00Z"), "expired"),
        (indicator(valid_until=None), "no end of validity"),
        (indicator(pattern_type="yara"), "a pattern neither of STIX nor of Sigma"),
        (
            indicator(pattern_type="sigma"),
            "a Sigma rule beyond what is read here: a line that is neither key, value nor item, or is written in another way",
        ),
        (indicator(pattern="nonsense"), "a pattern of more than one comparison, or none that can be read"),
        (indicator(pattern="[ipv4-addr:value = 'nowhere']"), "a network that cannot be read"),
        (indicator(pattern="[domain-name:value = 'example.org']"), "another kind of value"),
    ],
)
def test_what_cannot_be_matched_is_counted_by_its_reason(thing: dict[str, Any], why: str) -> None:
    """Nothing is passed over in silence, and nothing of a peer's can stop a hunt."""
    wanted = indicators.read([thing], "2026q4", NOW)

    assert (wanted.n, wanted.unread) == (0, {why: 1})


def test_the_newest_version_counts() -> None:
    """An indicator that was withdrawn later is withdrawn, in whatever order its versions come."""
    thing = indicator()
    gone = thing | {"modified": times.write_ms(NOW), "revoked": True}

    for order in ([thing, gone], [gone, thing]):
        assert indicators.read(order, "", NOW).n == 0


def test_the_narrowest_network_is_named() -> None:
    """An address in two networks belongs to the narrower; what is no address to none."""
    wide, narrow = (
        indicator(pattern="[ipv4-addr:value = '203.0.0.0/16']"),
        indicator(pattern="[ipv4-addr:value = '203.0.113.0/24']"),
    )
    wanted = indicators.read([wide, narrow], "", NOW)

    assert wanted.network_of("203.0.113.9") == narrow["id"]
    assert wanted.network_of("203.0.9.9") == wide["id"]
    assert [wanted.network_of(text) for text in ("198.51.100.1", "2001:db8::1", "nowhere")] == [None] * 3


# ---------------------------------------------------------------- match


def test_bands_find_what_a_full_comparison_finds() -> None:
    """The slow obvious version: all 400 × 60 pairs byte by byte, at three thresholds, with planted near pairs; any threads."""
    rng = np.random.default_rng(5)
    peers = rng.integers(0, 256, (60, 128), dtype=np.uint8)
    own = rng.integers(0, 256, (400, 128), dtype=np.uint8)
    for row in range(0, 400, 4):
        keep = rng.random(128) < rng.uniform(0.5, 1.0)
        own[row, keep] = peers[row % 60, keep]
    thresholds = [(0.5, 0.7, 0.9)[i % 3] for i in range(60)]
    wanted = [Sketched(f"i{i}", peers[i].tobytes(), thresholds[i]) for i in range(60)]
    plain = {
        (row, peer, same)
        for row in range(400)
        for peer in range(60)
        if (same := int((own[row] == peers[peer]).sum())) >= bytes_needed(thresholds[peer])
    }

    for workers in (1, 3):
        got = Matcher(wanted).match(own, workers)
        assert set(zip(got.rows.tolist(), got.peers.tolist(), got.agree.tolist(), strict=True)) == plain
    assert 20 < len(plain) < 100


def test_more_matches_than_room() -> None:
    """Three thousand rows that all match are all found."""
    one = bytes(range(128))

    got = Matcher([Sketched("i", one, 0.7)]).match(np.tile(np.frombuffer(one, np.uint8), (3_000, 1)))

    assert got.rows.tolist() == list(range(3_000))
    assert set(got.agree.tolist()) == {128}


def test_nothing_against_nothing() -> None:
    """No rows, no matches."""
    assert len(Matcher([Sketched("i", bytes(128), 0.7)]).match(np.empty((0, 128), np.uint8)).rows) == 0


# ---------------------------------------------------------------- search


def test_templates_networks_and_tokens_are_found() -> None:
    """By the newest turn, by the system prompt, by both together; by address; by one's own token."""
    template, network, token = (
        sketched(),
        indicator(pattern="[ipv4-addr:value = '203.0.113.0/24']"),
        indicator(pattern=f"[user-account:user_id = '{TOKEN}']"),
    )
    wanted = indicators.read([template, network, token], "2026q4", NOW)
    search = Search(wanted, EPOCH, {TOKEN: ["a4"], "dx1.other": ["a5"]})
    half = len(TEMPLATE) // 2

    hits = search.look(
        batch(
            [
                {"prompt": TEMPLATE + " please"},
                {"system_prompt": TEMPLATE.upper(), "prompt": "hello"},
                {"prompt": " ".join(random.Random(9).sample(WORDS, 60)), "ip": "203.0.113.77"},
                {"prompt": "too short", "ip": "nowhere"},
                {"ip": "198.51.100.1"},
                {"prompt": TEMPLATE[:half]},
            ]
        )
    )

    assert hits.schema == HITS
    assert sorted((h["exchange_id"], h["kind"]) for h in hits.to_pylist()) == [
        ("x0", "template"),
        ("x1", "template"),
        ("x2", "network"),
        ("x4", "token"),
    ]
    assert search.found[template["id"]].accounts == {"a0", "a1"}
    assert search.found[template["id"]].best is not None
    assert search.found[template["id"]].best > 0.9  # type: ignore[operator]  # not None, see above


def test_behaviours_are_counted_over_all_batches() -> None:
    """Ten accounts on one card, five in each batch, are a crowd of eight only at the end; settings are compared to six digits."""
    head = Head(str(uuid.uuid4()), str(uuid.uuid4()), date(2026, 11, 23), date(2026, 11, 24), date(2027, 2, 22))
    card = Rule((), "payment_id", 7 * 86_400, 8)
    tuned = Rule((("n", 4), ("stream", True), ("temperature", 0.7)), "model", 86_400, 8)
    things = [indicator(pattern_type="sigma", pattern=write(one, head)) for one in (card, tuned)]
    wanted = indicators.read(things, "", NOW)
    search = Search(wanted, None, {})
    own = {"payment_id": "pm", "n": 4, "stream": True, "temperature": 0.699999988, "model": "m"}
    rows = [{"account_id": f"a{i}", **own, "exchange_id": f"x{i}"} for i in range(10)]
    rows += [{"account_id": f"b{i}", **own, "payment_id": None, "temperature": 1.0, "exchange_id": f"y{i}"} for i in range(10)]

    during = [search.look(batch(rows[i : i + 5])).num_rows for i in range(0, 20, 5)]
    told = search.finish()

    assert (wanted.n, during) == (2, [0, 0, 0, 0])
    assert sorted(zip(told["kind"].to_pylist(), told["exchange_id"].to_pylist(), strict=True)) == sorted(
        (kind, f"x{i}") for kind in ("behaviour", "collision") for i in range(10)
    )
    assert {(one.kind, len(one.accounts)) for one in search.found.values()} == {("behaviour", 10), ("collision", 10)}
    assert Search(wanted, None, {}).finish().num_rows == 0


def test_no_more_behaviours_than_can_be_looked_for() -> None:
    """Each is a pass over all exchanges, so a flood of rules is cut and named."""
    head = Head(str(uuid.uuid4()), str(uuid.uuid4()), date(2026, 11, 23), date(2026, 11, 24), date(2027, 2, 22))
    text = write(Rule((), "device_id", 86_400, 8), head)

    wanted = indicators.read([indicator(pattern_type="sigma", pattern=text) for _ in range(230)], "", NOW)

    assert (len(wanted.behaviours), wanted.unread) == (200, {"more than 200 behaviours": 30})


def test_without_the_key_templates_are_not_looked_for() -> None:
    """Networks still are."""
    wanted = indicators.read([sketched(), indicator(pattern="[ipv4-addr:value = '203.0.113.0/24']")], "2026q4", NOW)

    hits = Search(wanted, None, {}).look(batch([{"prompt": TEMPLATE, "ip": "203.0.113.1"}]))

    assert hits["kind"].to_pylist() == ["network"]


def test_a_log_without_the_columns_is_silent() -> None:
    """Missing columns are as empty ones."""
    wanted = indicators.read([sketched(), indicator()], "2026q4", NOW)
    exchanges = pa.RecordBatch.from_pylist([{"exchange_id": "x", "account_id": "a", "seen_at": START}])

    assert Search(wanted, EPOCH, {}).look(exchanges).num_rows == 0


def test_recipes_match_with_their_fill_taken_out() -> None:
    """A request with much of its own in it is missed; the recipe of the campaign is not."""
    fill = " ".join(random.Random(8).sample(WORDS, 100))
    search = Search(indicators.read([sketched()], "2026q4", NOW), EPOCH, {})
    recipes = (
        RecipeUse("00000000000000a1", 0.6, 300, "wording", TEMPLATE + " ⟨…⟩"),
        RecipeUse("00000000000000a2", 0.2, 9, "x", None),
    )
    document = a_document(replace(a_campaign(), recipes=recipes))

    assert search.look(batch([{"prompt": f"{TEMPLATE} {fill}"}])).num_rows == 0
    assert [(c, r, n) for c, r, _, _, n in search.recipes(document)] == [("c-000000000001", "00000000000000a1", 300)]


# ---------------------------------------------------------------- sightings


def found(n_accounts: int, n_exchanges: int) -> Found:
    """Hits of so many accounts."""
    one = Found("template")
    for i in range(n_exchanges):
        one.add(f"a{i % n_accounts}", START + timedelta(hours=i), 0.9)
    return one


def test_a_crowd_on_a_card_confirms_no_one() -> None:
    """Any provider has one; settings that a peer named are another matter."""
    found = {}
    for name, kind in (("indicator--8f3a1d2c-0000-4000-8000-0000000000aa", "collision"), (indicator()["id"], "behaviour")):
        found[name] = Found(kind)
        for i in range(9):
            found[name].add(f"a{i}", START, None)

    made = sightings(found, Publisher("identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", Key(b"m" * 32)), START)

    assert [found[one["sighting_of_ref"]].kind for one in made["objects"]] == ["behaviour"]


def test_sightings_are_coarse_and_few_accounts_stay_home() -> None:
    """A power of two, whole days, five accounts at least; the same on the same day."""
    publisher = Publisher("identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", Key(b"m" * 32))
    hits = {
        "indicator--16ceb505-7dba-4c30-85de-7b7f27710ae1": found(5, 100),
        "indicator--26ceb505-7dba-4c30-85de-7b7f27710ae1": found(4, 999),
    }

    told = sightings(hits, publisher, datetime(2026, 11, 24, 9, tzinfo=UTC))

    (one,) = told["objects"]
    assert one["sighting_of_ref"] == "indicator--16ceb505-7dba-4c30-85de-7b7f27710ae1"
    assert (one["count"], one["first_seen"], one["last_seen"]) == (64, "2026-11-02T00:00:00.000Z", "2026-11-06T00:00:00.000Z")
    assert sightings(hits, publisher, datetime(2026, 11, 24, 23, tzinfo=UTC)) == told
