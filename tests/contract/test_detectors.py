"""The promises that every detector keeps, whoever wrote it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.stats import binom
from tests.scenes import (
    EVERYTHING,
    an_engine,
    fleet,
    listed,
    members,
    ordinary,
    reasons,
    said,
    scene_of,
    seats,
    shuffled,
    weights,
)

from stillwatch.errors import DetectorError
from stillwatch.evidence import DETECTORS, Detector, weigh
from stillwatch.evidence.scene import Scene, Seat
from stillwatch.evidence.weighing import checked
from stillwatch.records.tables import EVIDENCE, GROUPS

FLEET = fleet(1, 60, 12)
PLANTED = scene_of(
    {1: FLEET, 2: ordinary(2, 30, 10), 3: listed(3, 30, 10)},
    {1: seats(1, members(FLEET), 4), 2: seats(2, range(1_000, 1_030)), 3: seats(3, range(3_000, 3_030))},
)
N_QUIET = 240


def named(detector: Detector) -> str:
    return detector.name


every = pytest.mark.parametrize("detector", DETECTORS, ids=named)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, float]]:
    """What each detector says of a fleet (1), ordinary accounts (2) and a shared list (3)."""
    root = tmp_path_factory.mktemp("planted")
    with an_engine(root) as engine:
        PLANTED.store(engine)
        return {d.name: said(d, engine, PLANTED) for d in DETECTORS}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float64]]:
    """Weights of each detector on many seeded groups of ordinary accounts."""
    groups = {g: ordinary(1_000 + g, 10 + g % 17, 4 + g % 5, first=g * 100) for g in range(1, N_QUIET + 1)}
    scene = scene_of(groups)
    with an_engine(tmp_path_factory.mktemp("quiet")) as engine:
        scene.store(engine)
        return {d.name: np.array(list(said(d, engine, scene).values())) for d in DETECTORS}


@every
def test_it_finds_what_is_planted(detector: Detector, planted: dict[str, dict[int, float]]) -> None:
    """A detector tells a fleet from ordinary accounts, or from a shared list, by a bit or more, and speaks for neither."""
    said_of = planted[detector.name]

    assert said_of[1] - min(said_of[2], said_of[3]) >= 1
    assert said_of[1] > 0
    assert max(said_of[2], said_of[3]) < 1


@every
@pytest.mark.parametrize("bits", [1.0, 2.0, 4.0])
def test_it_is_quiet_on_ordinary_groups(detector: Detector, bits: float, quiet: dict[str, NDArray[np.float64]]) -> None:
    """At most one ordinary group in 2^b weighs b bits or more, within what chance allows in 240 groups."""
    loud = int((quiet[detector.name] >= bits).sum())

    assert loud <= binom.ppf(0.999, N_QUIET, 2.0**-bits)


@every
def test_it_says_one_finite_capped_thing_a_group(detector: Detector, planted: dict[str, dict[int, float]]) -> None:
    """Every group gets one weight, finite and within the cap."""
    said_of = planted[detector.name]

    assert sorted(said_of) == [1, 2, 3]
    assert all(np.isfinite(w) and abs(w) <= detector.cap_bits for w in said_of.values())


@every
def test_the_order_of_rows_does_not_matter(detector: Detector, planted: dict[str, dict[int, float]], tmp_path: Path) -> None:
    """Shuffled rows give the same answer, bit for bit."""
    with an_engine(tmp_path) as engine:
        PLANTED.store(engine)
        shuffled(engine, 5)

        assert said(detector, engine, PLANTED) == planted[detector.name]


@every
def test_names_of_accounts_do_not_matter(detector: Detector, planted: dict[str, dict[int, float]], tmp_path: Path) -> None:
    """Accounts under other pseudonyms, in another order, give the same answer."""
    renamed = _renamed(PLANTED)

    assert weights(detector, renamed, tmp_path) == pytest.approx(planted[detector.name], abs=1e-9)


@every
def test_a_stranger_changes_nothing(detector: Detector, planted: dict[str, dict[int, float]], tmp_path: Path) -> None:
    """One more group of other accounts leaves every other group's weight as it was."""
    stranger = ordinary(99, 12, 5, first=9_000)
    joined = replace(PLANTED, visits={**PLANTED.visits, 9: stranger}, seats={**PLANTED.seats, 9: seats(9, members(stranger))})

    alone, together = planted[detector.name], weights(detector, joined, tmp_path)

    assert {g: together[g] for g in alone} == alone


@every
@pytest.mark.parametrize("copies", [1, 5])
def test_a_crowd_does_not_hide_its_members(
    detector: Detector, copies: int, planted: dict[str, dict[int, float]], tmp_path: Path
) -> None:
    """Groups that do just what a group does never lower the weight against it."""
    twins = {10 + i: [replace(v, account=v.account + 10_000 * (i + 1)) for v in PLANTED.visits[1]] for i in range(copies)}
    places = {10 + i: [_moved(s, i + 1) for s in PLANTED.seats[1]] for i in range(copies)}
    crowd = replace(PLANTED, visits={**PLANTED.visits, **twins}, seats={**PLANTED.seats, **places})

    crowded = weights(detector, crowd, tmp_path)

    assert crowded[1] >= planted[detector.name][1]


@every
def test_its_examples_say_what_they_claim(detector: Detector, tmp_path: Path) -> None:
    """Each example speaks for, against, or says nothing, as it announces."""
    for number, example in enumerate(detector.examples()):
        weight = weights(detector, example.scene, tmp_path / str(number))[1]

        spoken = "for" if weight >= 1 else "against" if weight <= -1 else "nothing"

        assert (example.title, spoken) == (example.title, example.says)


@every
def test_it_has_examples_for_and_of_silence(detector: Detector) -> None:
    """A reader sees at least one log that a detector speaks for, and one of which it says nothing or something against."""
    says = [e.says for e in detector.examples()]

    assert "for" in says or detector.name == "duplicate_fill"
    assert {"nothing", "against"} & set(says)


def test_names_are_unique_and_families_known() -> None:
    """No two detectors share a name, and families are those that campaigns count."""
    names = [d.name for d in DETECTORS]

    assert len(set(names)) == len(names)
    assert {d.family for d in DETECTORS} == {
        "pool",
        "timing",
        "release",
        "infrastructure",
        "homogeneity",
        "relay",
        "replay",
        "peers",
    }


def test_reasons_hold_numbers_and_no_customers_text(tmp_path: Path) -> None:
    """A reason quotes neither a word, nor a rare model's name, nor an account."""
    secret = [replace(v, model="acme-secret-finetune") for v in FLEET]
    scene = replace(scene_of({1: secret}), releases=(replace(PLANTED.releases[0], model="acme-secret-finetune", n_adopters=9),))
    with an_engine(tmp_path) as engine:
        scene.store(engine)

        weigh(engine, scene.window, EVERYTHING)

        told = " ".join(reasons(engine))
        assert "acme" not in told
        assert not any(str(v.account) in told.replace(",", "") for v in FLEET[:5])


def test_a_missing_column_skips_a_detector_with_the_reason(tmp_path: Path) -> None:
    """Without payment data its detector is skipped, says so in words, and the others speak."""
    with an_engine(tmp_path) as engine:
        PLANTED.store(engine)

        skipped = weigh(engine, PLANTED.window, EVERYTHING - {"payment"})

        assert [s.detector for s in skipped] == ["payment_collisions"]
        assert "no payment" in skipped[0].reason
        assert engine.read(EVIDENCE).num_rows == 3 * (len(DETECTORS) - 1)


def test_evidence_is_sorted_by_group_and_detector(tmp_path: Path) -> None:
    """The stored table has one row a group and detector, in order."""
    with an_engine(tmp_path) as engine:
        PLANTED.store(engine)
        weigh(engine, PLANTED.window, EVERYTHING)

        table = engine.read(EVIDENCE)

        keys = list(zip(table["group"].to_pylist(), table["detector"].to_pylist(), strict=True))
        assert keys == sorted((g, d.name) for g in (1, 2, 3) for d in DETECTORS)


def test_no_groups_give_an_empty_table(tmp_path: Path) -> None:
    """A log in which nobody groups has no evidence, and that is no error."""
    with an_engine(tmp_path) as engine:
        empty = Scene({})
        empty.store(engine)

        weigh(engine, empty.window, EVERYTHING)

        assert engine.read(EVIDENCE).num_rows == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.slice(1), "2 rows for 3 groups"),
        (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "4 rows for 3 groups"),
        (lambda t: _with(t, "weight_bits", [float("nan"), 0.0, 0.0]), "not finite"),
        (lambda t: _with(t, "weight_bits", [99.0, 0.0, 0.0]), "beyond its cap"),
        (lambda t: _with(t, "detector", ["x", "x", "x"]), "another name"),
        (lambda t: t.drop_columns(["reason"]), "other columns"),
    ],
    ids=["too few", "too many", "nan", "beyond", "name", "columns"],
)
def test_a_broken_contract_is_an_error(change, words: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a lambda
    """Whatever a detector may get wrong is told by name, before it reaches a verdict."""
    detector = DETECTORS[2]
    with an_engine(tmp_path) as engine:
        PLANTED.store(engine)
        groups = engine.read(GROUPS)
        sound = detector.detect(engine, groups, PLANTED.window)

        with pytest.raises(DetectorError, match=words):
            checked(detector, groups, change(sound))


def _with(table: pa.Table, column: str, values: list[object]) -> pa.Table:
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))


def _renamed(scene: Scene) -> Scene:
    """Every account under a number that reverses the order of accounts."""
    visits = {g: [replace(v, account=-7 * v.account) for v in vs] for g, vs in scene.visits.items()}
    places = {g: [replace(s, account=-7 * s.account) for s in ss] for g, ss in scene.seats.items()}
    return replace(scene, visits=visits, seats=places)


def _moved(seat: Seat, by: int) -> Seat:
    """The same seat elsewhere: a twin has its own cards."""
    account, far = seat.account + 10_000 * by, 10**12 * by
    payment, device, network, client = (
        place and (place[0] + far, place[1]) for place in (seat.payment, seat.device, seat.network, seat.client)
    )
    return Seat(account, seat.org, payment, device, network, client, seat.created_day, seat.n_exchanges, seat.n_systems)
