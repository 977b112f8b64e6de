"""Accounts that signed up together."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from tests.scenes import an_engine, said, weights
from tests.tables import a_table

from stillwatch.evidence.scene import START, Scene, Seat
from stillwatch.evidence.signups import MIN_UNITS, Signups
from stillwatch.methods.spans import span_of_most
from stillwatch.records.tables import GROUPS, SIGNATURES

DAY_US = 24 * 3_600_000_000


def scene(days: Sequence[float | None], org: int | None = None) -> Scene:
    return Scene({1: []}, {1: [Seat(a, org, created_day=d) for a, d in enumerate(days)]})


def told(days: Sequence[float | None], root: Path, org: int | None = None) -> float:
    return weights(Signups(), scene(days, org), root)[1]


def test_the_weight_rises_as_sign_ups_draw_together(tmp_path: Path) -> None:
    """Forty accounts over two years, one year, three months and a fortnight: ever more telling."""
    bits = [told([30 + over * i / 40 for i in range(40)], tmp_path / str(over)) for over in (720, 360, 90, 14)]

    assert bits == sorted(bits)
    assert bits[0] < 0 < 3 < bits[3]


def test_a_few_strangers_do_not_hide_a_batch_and_many_are_not_accused(tmp_path: Path) -> None:
    """A fifth of strangers changes little; of a group that is half strangers nothing is said against them."""
    batch: list[float | None] = [40 + 0.5 * i for i in range(30)]

    assert told(batch + [90.0 * i for i in range(8)], tmp_path / "few") > 3
    assert told(batch + [25.0 * i for i in range(30)], tmp_path / "many") < 1


def test_an_old_batch_tells_as_much_as_a_new_one(tmp_path: Path) -> None:
    """It is not the age that counts."""
    new, old = ([age + 0.5 * i for i in range(30)] for age in (5, 500))

    assert told(new, tmp_path / "new") == pytest.approx(told(old, tmp_path / "old"))


def test_an_organisation_signs_up_once(tmp_path: Path) -> None:
    """Five hundred seats of one company are one unit, and one unit says nothing."""
    assert told([10 + 0.01 * i for i in range(500)], tmp_path, org=7) == 0.0


def test_few_known_sign_ups_say_nothing(tmp_path: Path) -> None:
    """Where most accounts' sign-up is not known, the others do not speak for them."""
    assert told([5.0] * (MIN_UNITS - 1) + [None] * 40, tmp_path) == 0.0


def test_a_young_platform_is_its_own_measure(tmp_path: Path) -> None:
    """Where all accounts are a month old, a month says nothing."""
    month = [float(i % 30) for i in range(60)]
    with an_engine(tmp_path) as engine:
        scene(month).store(engine)
        old = said(Signups(), engine, scene(month))[1]
        everybody = [{"account": n, "row": n, "org": None} for n in range(2_000)]
        table = a_table(SIGNATURES, everybody)
        created = pa.array([round(START.timestamp() * 1e6) - n % 30 * DAY_US for n in range(2_000)]).cast(
            pa.timestamp("us", "UTC")
        )
        at = table.schema.get_field_index("account_created_at")
        engine.write(SIGNATURES, table.set_column(at, table.schema.field(at), created))

        young = said(Signups(), engine, scene(month))[1]

        assert old > 2
        assert young < 0
        assert engine.read(GROUPS).num_rows == 1


def test_the_shortest_span_of_most_is_found_wherever_it_lies() -> None:
    """Against every window of six of seven moments."""
    moments = pa.array([0, 3, 4, 9, 10, 11, 40]).to_numpy() * DAY_US

    assert span_of_most(moments) == min(b - a for a, b in zip((0, 3), (11, 40), strict=True))
