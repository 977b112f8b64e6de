"""The tiny logs that detectors show themselves by: each function is one log of one group."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stillwatch.evidence.scene import Release, Scene, Seat, Visit

ACCOUNTS = 30
DAYS = 7
_RELEASE = Release("next", 72.0, 5_000, 300)


def pool_dealt_out() -> Scene:
    """Thirty accounts take turns at one pool of prompts: nobody returns to words of his own, nothing is sent twice."""
    rng = np.random.default_rng(1)
    return _one([_visit(rng, a, d * 24 + 9 + a % 8, rng.integers(0, 1_500, 12)) for a in range(ACCOUNTS) for d in range(DAYS)])


def people_at_work() -> Scene:
    """Thirty people each return to a dozen names and subjects of their own."""
    rng = np.random.default_rng(2)
    return _one(
        [
            _visit(rng, a, d * 24 + 9 + a % 8, [*rng.integers(0, 1_500, 6), *rng.integers(10_000 + a * 12, 10_012 + a * 12, 6)])
            for a in range(ACCOUNTS)
            for d in range(DAYS)
        ]
    )


def asked_once() -> Scene:
    """Thirty accounts send one prompt each."""
    rng = np.random.default_rng(3)
    return _one([_visit(rng, a, 12.0 + a, rng.integers(0, 1_500, 12)) for a in range(ACCOUNTS)])


def common_list() -> Scene:
    """Thirty accounts send the same ten prompts: a harness, or a class and its exercises."""
    rng = np.random.default_rng(4)
    items = [_visit(rng, 0, 0.0, rng.integers(0, 1_500, 12)) for _ in range(10)]
    return _one([Visit(a, float(rng.integers(24 * DAYS)), i.words, i.fill, i.exact) for a in range(ACCOUNTS) for i in items])


def one_clock() -> Scene:
    """Thirty accounts are busy in the same ten hours of the week."""
    hours = (9, 14, 35, 40, 58, 83, 91, 110, 129, 150)
    return _one([Visit(a, h + a / 60) for a in range(ACCOUNTS) for h in hours])


def own_clocks() -> Scene:
    """Thirty accounts keep office hours, each on days and hours of its own."""
    rng = np.random.default_rng(5)
    return _one([Visit(a, float(rng.integers(DAYS) * 24 + rng.integers(9, 18))) for a in range(ACCOUNTS) for _ in range(10)])


def one_day() -> Scene:
    """The same clock, but a window of a single day."""
    return Scene({1: [Visit(a, h) for a in range(ACCOUNTS) for h in (9.0, 14.0)]}, n_days=1)


def moved_at_once() -> Scene:
    """Half the accounts ask for a new model within a day, where six in a hundred others do."""
    return _one([Visit(a, 75.0, model="next" if a % 2 else "small") for a in range(ACCOUNTS)], (_RELEASE,))


def moved_like_others() -> Scene:
    """Two accounts of thirty ask for the new model within a day."""
    return _one([Visit(a, 75.0, model="next" if a < 2 else "small") for a in range(ACCOUNTS)], (_RELEASE,))


def made_together() -> Scene:
    """Thirty accounts that signed up within three weeks."""
    return Scene({1: []}, {1: [Seat(a, created_day=40 + 0.7 * a) for a in range(ACCOUNTS)]})


def made_apart() -> Scene:
    """Thirty accounts that signed up over two years, more of them lately."""
    return Scene({1: []}, {1: [Seat(a, created_day=0.8 * a * a) for a in range(ACCOUNTS)]})


def one_company_joined() -> Scene:
    """Thirty seats that one company brought within three weeks."""
    return Scene({1: []}, {1: [Seat(a, 77, created_day=40 + 0.7 * a) for a in range(ACCOUNTS)]})


def fed_evenly() -> Scene:
    """Thirty accounts that send seven to nine exchanges each."""
    return _one([Visit(a, float(n * 20 + a % 9)) for a in range(ACCOUNTS) for n in range(7 + a % 3)])


def fed_unevenly() -> Scene:
    """Thirty accounts of which half send one to three exchanges, and some a hundred."""
    return _one([Visit(a, float((n * 37 + a) % 168)) for a in range(ACCOUNTS) for n in range(round(1.17**a))])


def through_many_systems() -> Scene:
    """Thirty accounts that send twenty exchanges each, through four system prompts of their own."""
    return Scene({1: []}, {1: [Seat(a, n_exchanges=20, n_systems=4) for a in range(ACCOUNTS)]})


def through_one_system() -> Scene:
    """Thirty accounts that send as much, through one."""
    return Scene({1: []}, {1: [Seat(a, n_exchanges=20, n_systems=1) for a in range(ACCOUNTS)]})


def shared(field: str) -> Scene:
    """Thirty accounts sit on six values of a field, five on each, and nobody else does."""
    return Scene({1: []}, {1: [_seat(a, field, a // 5, 5) for a in range(ACCOUNTS)]})


def each_its_own(field: str) -> Scene:
    """Thirty accounts sit on thirty values of a field."""
    return Scene({1: []}, {1: [_seat(a, field, a, 1) for a in range(ACCOUNTS)]})


def crowded(field: str) -> Scene:
    """Thirty accounts sit on one value of a field, and so do five thousand others: a campus, a carrier, a common client."""
    return Scene({1: []}, {1: [_seat(a, field, 1, 5_000) for a in range(ACCOUNTS)]})


def one_organisation(field: str) -> Scene:
    """Thirty seats of one company, on one value of a field."""
    return Scene({1: []}, {1: [replace(_seat(a, field, 1, 1), org=77) for a in range(ACCOUNTS)]})


def replayed() -> Scene:
    """Thirty accounts that send blobs out of one store of seventy, five a week each."""
    rng = np.random.default_rng(6)
    return _one([Visit(a, d * 24.0 + 9, blobs=(int(rng.integers(1, 71)),)) for a in range(ACCOUNTS) for d in range(5)])


def sent_back() -> Scene:
    """Thirty accounts whose clients send the model's reasoning of their own conversations back, each blob twice."""
    return _one(
        [Visit(a, d * 24.0 + 9 + n, blobs=(a * DAYS + d + 1,)) for a in range(ACCOUNTS) for d in range(DAYS) for n in (0, 1)]
    )


def in_every_template() -> Scene:
    """Thirty accounts whose template holds three encoded files, the same for all."""
    return _one([Visit(a, d * 24.0 + 9, blobs=(1, 2, 3)) for a in range(ACCOUNTS) for d in range(DAYS)])


def seen_by_peers(kind: str) -> Scene:
    """Two exchanges in three of thirty accounts are what a peer's indicator looks for."""
    return _one([Visit(a, d * 24.0 + a % 9, hit=kind if (a + d) % 3 else None) for a in range(ACCOUNTS) for d in range(DAYS)])


def seen_once_by_peers() -> Scene:
    """One exchange of one account in thirty."""
    return _one([Visit(a, d * 24.0, hit="template" if a == d == 0 else None) for a in range(ACCOUNTS) for d in range(DAYS)])


def _seat(account: int, field: str, value: int, units: int) -> Seat:
    place = (value, units)
    return {
        "payment": Seat(account, payment=place),
        "device": Seat(account, device=place),
        "network": Seat(account, network=place),
        "client": Seat(account, client=place),
    }[field]


def _one(visits: list[Visit], releases: tuple[Release, ...] = ()) -> Scene:
    return Scene({1: visits}, releases=releases, n_days=DAYS)


def _visit(rng: np.random.Generator, account: int, hour: float, words: NDArray[np.int64] | Sequence[int]) -> Visit:
    fill = tuple(rng.integers(0, 2**31, 8).tolist())
    return Visit(account, float(hour), tuple(sorted({int(w) for w in words})), fill, int(rng.integers(2**60)))
