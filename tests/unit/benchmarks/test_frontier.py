"""What the frontier benchmark plants, simulates and counts."""

from typing import Any

import pytest
from benchmarks.quality.frontier import report, run

from stillwatch.candidates.planting import SHAPES
from stillwatch.records.campaign import FrontierPoint
from stillwatch.worlds.shapes.hydra import Hydra


def a_point(accounts: int | None, requests: int | None) -> FrontierPoint:
    """What a scan states of one shape."""
    return FrontierPoint(SHAPES[0], 0.5, accounts, requests, 9, 3, "A campaign would have been seen.")


def a_case(size: str, planted: tuple[int, int], grouped: bool, seen: bool, bits: float, aged: bool = False) -> dict[str, Any]:
    """One case of a line."""
    told = {
        "shape": SHAPES[0],
        "size": size,
        "aged": aged,
        "planted": list(planted),
        "grouped": grouped,
        "seen": seen,
        "found": seen,
    }
    return told | {"planted_bits": {"signups": bits}, "real_bits": {"signups": 2.0 * bits, "relay": 1.0} if grouped else {}}


def test_half_of_a_size_has_half_of_its_exchanges() -> None:
    """Fewer accounts, or where these are too few to be tested, fewer requests; what is not stated is not tried."""
    wanted = run.cases([a_point(50, 15), a_point(20, 50), a_point(None, None)])

    assert [(c.size, c.aged, c.n_accounts, c.requests) for c in wanted] == [
        ("stated", False, 50, 15),
        ("half", False, 25, 15),
        ("stated", True, 50, 15),
        ("stated", False, 20, 50),
        ("half", False, 20, 25),
        ("stated", True, 20, 50),
    ]


@pytest.mark.parametrize("aged", [False, True])
def test_what_is_simulated_is_what_is_planted(aged: bool) -> None:
    """The same size, cover, infrastructure and sign-ups."""
    case = run.Case("stated", SHAPES[1], 50, 15, 0.5, aged)

    part, planted = case.real(10.0), case.planted(3)

    assert isinstance(part, Hydra)
    assert (part.accounts, part.exchanges, part.cover) == (planted.n_accounts, 50 * planted.requests, planted.cover)
    assert (part.infra_reuse, part.signup, part.templates) == (planted.reused, "aged" if planted.aged else "staggered", 1)
    assert run.Case("half", SHAPES[0], 50, 15, 0.5).real(10.0).infra_reuse == 0.0  # type: ignore[attr-defined]


def test_worlds_count_together() -> None:
    """What was seen is counted among what was grouped; logs without dates, sizes and aged accounts apart."""
    lines = [
        {"dated": True, "cases": [a_case("stated", (9, 10), True, True, 4.0), a_case("half", (0, 10), False, False, 0.0)]},
        {
            "dated": True,
            "cases": [a_case("stated", (7, 10), False, False, 2.0), a_case("stated", (1, 10), True, False, 0.0, True)],
        },
        {"dated": False, "cases": [a_case("stated", (5, 10), True, True, 0.0)]},
    ]

    stated = report.held(report.cases(lines, "templated", True, "stated"))

    assert (stated.planted.hits, stated.planted.n) == (16, 20)
    assert (stated.grouped.hits, stated.grouped.n, stated.seen.hits, stated.seen.n) == (1, 2, 1, 1)
    assert report.held(report.cases(lines, "templated", True, "stated", aged=True)).planted.hits == 1
    assert report.cases(lines, "untemplated", True, "stated") == []
    assert report.bits(report.cases(lines, "templated", True, "stated")) == {"signups": (4.0, 8.0)}
