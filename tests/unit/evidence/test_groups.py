"""Groups as arrays, in an order that neither names nor storage can change."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.scenes import an_engine, shuffled

from stillwatch.evidence.groups import Chunk, Plain, Ragged, accounts, exchanges
from stillwatch.evidence.platform import Platform
from stillwatch.evidence.scene import Scene, Seat, Visit
from stillwatch.records.tables import GROUPS

SCENE = Scene(
    {
        7: [Visit(5, 3.0, (1, 2), (9,), 11), Visit(4, 1.0, (3,)), Visit(5, 0.5, (4,))],
        9: [Visit(6, 2.0)],
    },
    {9: [Seat(6, org=3, payment=(8, 2))]},
)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_rows_come_sorted_however_they_are_stored(seed: int | None, tmp_path: Path) -> None:
    """By account of the log, time and row; accounts are numbered by their first appearance in time."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)
        if seed is not None:
            shuffled(engine, seed)

        seven, nine = exchanges(engine, engine.read(GROUPS), ["tokens", "exact"])

    assert seven.account.tolist() == [1, 0, 0]
    assert seven.plain["row"].values.tolist() == [1, 2, 0]
    assert seven.lists["tokens"].values.tolist() == [3, 4, 1, 2]
    assert seven.plain["exact"].known.tolist() == [False, False, True]
    assert (seven.n_accounts, nine.n_accounts) == (2, 1)


def test_a_group_without_exchanges_is_empty(tmp_path: Path) -> None:
    """A group that is declared but has no rows gives arrays of length zero."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)
        groups = engine.read(GROUPS).slice(0, 1)
        groups = pa.concat_tables([groups, groups.set_column(0, groups.schema.field(0), pa.array([99]))])

        _, nobody = exchanges(engine, groups, ["fill"])

    assert nobody.n_accounts == 0
    assert nobody.lists["fill"].values.size == 0


def test_accounts_come_with_what_is_known_of_them(tmp_path: Path) -> None:
    """Values and a mask of the known ones, by group."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)

        seven, nine = accounts(engine, engine.read(GROUPS), ["org", "payment"])

    assert seven["account"].values.tolist() == [4, 5]
    assert not seven["payment"].known.any()
    assert (nine["org"].values.tolist(), nine["payment"].values.tolist()) == ([3], [8])


def test_only_the_groups_asked_for_are_read(tmp_path: Path) -> None:
    """A slice of the table of groups gives just these."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)

        (nine,) = exchanges(engine, engine.read(GROUPS).slice(1), [])

    assert nine.account.size == 1


def test_a_null_list_is_an_empty_one() -> None:
    """Lists as values and pointers; null and empty are alike."""
    lists = Ragged.from_arrow(pa.chunked_array([pa.array([[1, 2], None, [], [3]], pa.list_(pa.int32()))]))

    assert lists.pointers.tolist() == [0, 2, 2, 2, 3]
    assert lists.of().tolist() == [0, 0, 3]
    assert lists.slice(3, 4).values.tolist() == [3]


def test_times_are_microseconds() -> None:
    """Timestamps and integers alike become 64-bit integers."""
    column = Plain.from_arrow(pa.chunked_array([pa.array([1, None], pa.timestamp("us", tz="UTC"))]))

    assert column.values.tolist() == [1, 0]
    assert column.slice(1, 2).known.tolist() == [False]
    assert column.values.dtype == np.int64


@pytest.mark.parametrize("seed", [None, 1])
def test_a_chunk_reads_once_what_each_detector_would(seed: int | None, tmp_path: Path) -> None:
    """Columns asked for later come in the same order as those before, and what was found of a group is kept."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)
        if seed is not None:
            shuffled(engine, seed)
        groups = engine.read(GROUPS)
        alone = list(exchanges(engine, groups, ["tokens", "exact"]))
        seated = list(accounts(engine, groups, ["org", "payment"]))
        platform = Platform.of(engine)

    with Chunk(tmp_path, groups, platform) as chunk:
        first = list(exchanges(chunk, groups, []))
        again = list(exchanges(chunk, groups, ["tokens", "exact"]))
        orgs = list(accounts(chunk, groups, ["org"]))
        both = list(accounts(chunk, groups, ["payment", "org"]))

    for one, late, early in zip(alone, again, first, strict=True):
        assert one.account.tolist() == late.account.tolist() == early.account.tolist()
        assert one.lists["tokens"].values.tolist() == late.lists["tokens"].values.tolist()
        assert one.plain["exact"].values.tolist() == late.plain["exact"].values.tolist()
        assert early.by_account() is late.by_account()
    assert [s["payment"].values.tolist() for s in seated] == [b["payment"].values.tolist() for b in both]
    assert [s["org"].known.tolist() for s in seated] == [o["org"].known.tolist() for o in orgs]


def test_rows_by_account_follow_the_accounts_numbers(tmp_path: Path) -> None:
    """Account 0 is the one that came first, whatever its name."""
    with an_engine(tmp_path) as engine:
        SCENE.store(engine)

        seven, _ = exchanges(engine, engine.read(GROUPS), [])

    assert seven.by_account().tolist() == [1, 2, 0]
