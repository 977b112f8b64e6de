"""Replay of reasoning blobs."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.replay import Replay


def blobs(across: float) -> dict[str, set[int]]:
    """Which accounts sent each blob."""
    world = planted(Replay(accounts=20, exchanges=800, cover=0.0, reuse=8.0, across=across))
    found: dict[str, set[int]] = {}
    for prompt, account in zip(world.column("prompt"), world.events.account.tolist(), strict=True):
        found.setdefault(prompt.split("\n\n")[0], set()).add(account)
    return found


def test_blobs_come_back_in_other_accounts() -> None:
    """By the dials of reuse and of crossing; at 0 no blob leaves its account."""
    assert len(blobs(1.0)) <= 100
    assert sum(len(a) > 1 for a in blobs(1.0).values()) > 90
    assert all(len(a) == 1 for a in blobs(0.0).values())


@pytest.mark.parametrize("dials", [{"reuse": 0.5}, {"across": 1.5}])
def test_dials_out_of_range_are_refused(dials: dict[str, float]) -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match=next(iter(dials))):
        Replay(**dials)  # type: ignore[arg-type]
