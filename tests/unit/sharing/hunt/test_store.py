"""Peers' indicators against a store of signatures: the same hits as in the log, without its text."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import indicator
from tests.tables import an_engine
from tests.unit.sharing.hunt.test_hunt import EPOCH, NOW, TOKEN, WORDS, batch, sketched

from stillwatch import signatures
from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.records.tables import ACCOUNTS, PEER_HITS, SHARED_CONTRACTS, SHARED_SKETCHES, SIGNATURES
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import sketch
from stillwatch.sharing.hunt import indicators, store
from stillwatch.sharing.hunt.search import HITS, Search
from stillwatch.sharing.hunt.store import StoreHunt

KEY = Key(b"k" * 32)
START = datetime(2026, 11, 2, tzinfo=UTC)
TEMPLATE = " ".join(random.Random(1).sample(WORDS, 60))
FORM = 'Grade the answer. Return JSON {"score": 1, "why": ""} and put it in <verdict></verdict>. '
THINGS = {
    "template": sketched(benign_hits_per_million=0.4),
    "network": indicator(pattern="[ipv4-addr:value = '203.0.113.0/24']"),
    "wide": indicator(pattern="[ipv6-addr:value = '2001:db8::/44']"),
    "narrow": indicator(pattern="[ipv4-addr:value = '198.51.100.128/25']"),
    "token": indicator(pattern=f"[user-account:user_id = '{TOKEN}']"),
}


def contract_of(prompt: str) -> int:
    """The contract of a prompt under the epoch's key."""
    _, made = signatures.shared_tables(batch([{"prompt": prompt}]), 0, EPOCH)
    (value,) = made["contract"].to_pylist()
    return int(value)


def contract(**changes: Any) -> dict[str, Any]:
    """A peer's indicator of a contract."""
    extension = {"algorithm": "contract-1", "key_id": "2026q4", "benign_hits_per_million": 2.0} | changes
    written = sketch.write_contract(contract_of(FORM))
    return indicator(pattern=f"[artifact:x_dx_contract = '{written}']", extensions={catalogue.EXTENSION: extension})


def rows() -> list[dict[str, Any]]:
    """Forty exchanges of ten accounts, some of which hit something."""
    out = []
    for i in range(40):
        row: dict[str, Any] = {
            "account_id": f"a{i % 10}",
            "seen_at": START + timedelta(hours=i),
            "ip": f"192.0.2.{i}",
            "model": "m",
        }
        row["prompt"] = " ".join(random.Random(i + 50).sample(WORDS, 40))
        if i % 10 == 0:
            row |= {"prompt": f"{TEMPLATE} please {i}"}
        if i % 10 == 1:
            row |= {"system_prompt": TEMPLATE.upper()}
        if i % 10 == 2:
            row |= {"prompt": FORM + row["prompt"]}
        if i % 10 == 3:
            row |= {"ip": ("203.0.113.7", "2001:db8:f::1", "198.51.100.200", "nowhere")[i // 10]}
        out.append(row)
    return out


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    """A store of two parts, as a scan with an epoch leaves it."""
    root = tmp_path / "store"
    for number in (0, 1):
        exchanges = batch(rows()[20 * number : 20 * number + 20])
        first = number << 32
        sketches, contracts = signatures.shared_tables(exchanges, first, EPOCH)
        for spec, table in (
            (SIGNATURES, signatures.sign(exchanges, first, KEY)),
            (ACCOUNTS, signatures.accounts(exchanges, KEY)),
            (SHARED_SKETCHES, sketches),
            (SHARED_CONTRACTS, contracts),
        ):
            parts.write_part(root, spec, number, table)
    with an_engine(root) as made:
        yield made


def a_hunt(*things: dict[str, Any], **changes: Any) -> StoreHunt:
    """A hunt for these."""
    wanted = indicators.read(things, EPOCH.name, NOW)
    return replace(StoreHunt(wanted, EPOCH.name, KEY, {TOKEN: ["a4"], "dx1.other": ["a5"]}), **changes)


def test_a_store_gives_what_the_log_gives(engine: DuckDBEngine) -> None:
    """Templates, networks as wide as a store keeps, tokens: the same exchanges and similarities as in the text itself."""
    things = [THINGS[name] for name in ("template", "network", "token")]
    search = Search(indicators.read(things, EPOCH.name, NOW), EPOCH, {TOKEN: ["a4"]})
    inside = [search.look(batch(rows()[i : i + 20])).to_pylist() for i in (0, 20)]
    in_log = {(h["account_id"], h["seen_at"], h["kind"], h["similarity"]) for part in inside for h in part}

    hits = a_hunt(*things).hits(engine)

    told = store.told(engine, hits)
    assert {(h["account_id"], h["seen_at"], h["kind"], h["similarity"]) for h in told.to_pylist()} == in_log
    assert len(in_log) == 8 + 1 + 4
    assert told.schema.names == HITS.names
    assert set(hits["benign_hits_per_million"].to_pylist()) == {0.4, None}


def test_contracts_are_found_under_the_epochs_key(engine: DuckDBEngine) -> None:
    """Whatever fills the slots."""
    hits = a_hunt(contract()).hits(engine).to_pylist()

    assert [(h["row"] >> 32, h["row"] & 0xFFFFFFFF, h["kind"]) for h in hits] == [
        (0, 2, "contract"),
        (0, 12, "contract"),
        (1, 2, "contract"),
        (1, 12, "contract"),
    ]
    assert {h["benign_hits_per_million"] for h in hits} == {2.0}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"algorithm": "contract-9"}, "a contract of another algorithm"),
        ({"key_id": "2026q3"}, "a contract of another epoch"),
    ],
)
def test_contracts_of_others_are_counted(changes: dict[str, Any], why: str) -> None:
    """Another algorithm or epoch cannot be compared."""
    assert indicators.read([contract(**changes)], EPOCH.name, NOW).unread == {why: 1}


def test_a_contract_that_is_none_is_counted() -> None:
    """Sixteen hex digits, or nothing."""
    thing = contract() | {"pattern": "[artifact:x_dx_contract = 'solve the problem']"}

    assert indicators.read([thing], EPOCH.name, NOW).unread == {"a contract that cannot be read": 1}


def test_wide_networks_are_found_and_narrow_ones_named(engine: DuckDBEngine) -> None:
    """A store keeps /24 and /48: wider ones are made of these, narrower ones are told as not looked for."""
    hunt = a_hunt(THINGS["wide"], THINGS["narrow"])

    hits = hunt.hits(engine).to_pylist()

    assert [h["indicator_id"] for h in hits] == [THINGS["wide"]["id"]]
    assert store.unseen(hunt.wanted, engine.root) == {"a network narrower than a store keeps (/24, /48): hunt in the log": 1}


def test_the_narrowest_network_that_a_store_keeps_is_named(engine: DuckDBEngine) -> None:
    """An exchange in two networks belongs to the narrower, as in a log."""
    wide = indicator(pattern="[ipv4-addr:value = '203.0.0.0/16']")

    hits = a_hunt(wide, THINGS["network"]).hits(engine)["indicator_id"].to_pylist()

    assert hits == [THINGS["network"]["id"]]


def test_a_store_without_an_epoch_tells_what_it_cannot_show(engine: DuckDBEngine) -> None:
    """No shared tables: networks and tokens are found, templates and contracts are counted as left out."""
    for spec in (SHARED_SKETCHES, SHARED_CONTRACTS):
        parts.drop(engine.root, spec)
    hunt = a_hunt(THINGS["template"], contract(), THINGS["token"])

    assert set(hunt.hits(engine)["kind"].to_pylist()) == {"token"}
    assert list(store.unseen(hunt.wanted, engine.root).values()) == [2]
    assert store.epochs(engine.root) == ()


def test_other_epochs_in_a_store_are_not_compared(engine: DuckDBEngine) -> None:
    """A part of last quarter's epoch stays out."""
    old = signatures.shared_tables(batch([{"prompt": TEMPLATE}]), 5 << 32, signatures.Epoch("2026q3", EPOCH.key))
    for spec, table in zip((SHARED_SKETCHES, SHARED_CONTRACTS), old, strict=True):
        parts.write_part(engine.root, spec, 5, table)

    hits = a_hunt(THINGS["template"]).hits(engine)

    assert hits.num_rows == 8
    assert store.epochs(engine.root) == ("2026q3", "2026q4")


def test_hits_are_written_and_told(engine: DuckDBEngine) -> None:
    """The table of evidence, and per indicator what a person and a sighting need."""
    n = a_hunt(*THINGS.values())(engine)

    hits = engine.read(PEER_HITS)
    found = store.found(engine, hits)
    assert n == hits.num_rows == 8 + 1 + 1 + 4
    one = found[THINGS["template"]["id"]]
    assert (one.kind, len(one.accounts), one.n_exchanges) == ("template", 2, 8)
    assert (one.first_seen, one.last_seen) == (START, START + timedelta(hours=31))
    assert one.best is not None
    assert one.best > 0.9


def test_nothing_looked_for_nothing_found(engine: DuckDBEngine) -> None:
    """An empty hunt leaves an empty table: that one has looked."""
    assert a_hunt()(engine) == 0
    assert engine.has(PEER_HITS)


def test_the_digest_names_what_is_looked_for() -> None:
    """Other indicators give another digest; their order, and tokens that are nobody's here, do not matter."""
    one, other = a_hunt(THINGS["template"], THINGS["token"]), a_hunt(THINGS["token"], THINGS["template"])

    assert one.digest == other.digest
    assert (
        len({one.digest, a_hunt(THINGS["template"]).digest, replace(one, tokens={}).digest, a_hunt(contract()).digest}) == 3
    )  # a token that is not ours is not looked for


def test_a_store_of_another_key_is_refused(engine: DuckDBEngine) -> None:
    """Its networks would never match, in silence."""
    store.check_key(engine, KEY)

    with pytest.raises(SharingError, match="key-file"):
        store.check_key(engine, Key(b"x" * 32))


def test_a_path_means_a_store_or_the_folder_around_it(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Both ways to name it, and what is neither."""
    assert store.root_of(engine.root) == store.root_of(engine.root.parent) == engine.root
    assert store.root_of(tmp_path / "nowhere") is None
