"""From planned events to rows of the log."""

import numpy as np
import pyarrow as pa
from tests.planting import ERA, Planted, planted, some_people

from stillwatch.records.tables import EXCHANGES
from stillwatch.worlds.build import grammar
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.framework import Framework
from stillwatch.worlds.render import Renderer, account_columns, created_before_use, exchange_ids

PART = ChatUsers(accounts=40, exchanges=600)


def test_rows_have_the_declared_columns() -> None:
    """Names, types and nulls; sorted by time."""
    table = planted(PART).table

    assert table.schema == EXCHANGES.schema
    assert all(table[c.name].null_count == 0 for c in EXCHANGES.columns if not c.nullable)
    assert table["seen_at"].to_pylist() == sorted(table["seen_at"].to_pylist())


def test_a_chunk_reads_the_same_whatever_its_bounds() -> None:
    """Rows written in pieces equal rows written at once."""
    world = Planted(Framework(accounts=10, exchanges=120))
    renderer = Renderer(world.draft, grammar(), world.people, "none", False)

    pieces = [renderer.render(world.events, a, b) for a, b in ((0, 50), (50, 51), (51, 120))]

    assert pa.concat_tables(pieces).equals(renderer.render(world.events, 0, 120))
    assert renderer.render(world.events, 5, 5).num_rows == 0


def test_accounts_have_one_identity() -> None:
    """Key, card, device, client, tier, sign-up and organisation follow from the account."""
    table = planted(PART).table
    names = [
        "account_id",
        "key_id",
        "payment_id",
        "device_id",
        "client_fingerprint",
        "user_agent",
        "tier",
        "org_id",
        "account_created_at",
    ]

    assert table.select(names).group_by(names).aggregate([]).num_rows == 40


def test_only_a_few_addresses_an_account() -> None:
    """One from its usual network, one from its second."""
    pairs = planted(PART).table.group_by(["account_id", "ip"]).aggregate([]).num_rows

    assert 40 < pairs <= 80


def test_new_models_are_asked_for_after_their_release_only() -> None:
    """By accounts that have taken them up."""
    table = planted(PART).table
    new = np.array(table["model"].to_pylist()) == ERA.models[-1]
    at = table["seen_at"].cast(pa.int64()).to_numpy()

    assert 0 < new.sum() < 0.5 * len(new)
    assert at[new].min() >= ERA.release


def test_nobody_sends_before_signing_up() -> None:
    """Whoever would have is moved to before the first request."""
    world = planted(PART)
    people = some_people(40)
    people.created[:] = ERA.end

    created_before_use(people, world.events)
    first = np.full(40, ERA.end)
    np.minimum.at(first, world.events.account, world.events.at)

    assert (people.created < first).all()


def test_ids_are_unique_and_opaque() -> None:
    """Of exchanges over any rows; accounts without an organisation have none."""
    ids = exchange_ids(1, 0, 5_000).to_pylist()
    people = some_people(100)
    columns = account_columns(people, 1)

    assert len(set(ids)) == 5_000
    assert exchange_ids(1, 70, 75).to_pylist() == ids[70:75]
    assert len(set(columns["account_id"].to_pylist())) == 100
    assert [o is None for o in columns["org_id"].to_pylist()] == (people.org == 0).tolist()


def test_prompt_tokens_grow_with_the_turns() -> None:
    """One rule: system prompt and newest turn by their length, and what went before."""
    world = planted(PART)
    table = world.table
    own = np.array(
        [
            -(-len(p) // 4) + (-(-len(s) // 4) if s else 0)
            for p, s in zip(world.column("prompt"), world.column("system_prompt"), strict=True)
        ]
    )
    rest = table["prompt_tokens"].to_numpy() - own

    assert (rest[world.events.turn == 0] == 0).all()
    assert (rest[world.events.turn > 0] >= 120).all()
    assert mix(1).shape == (1,)
