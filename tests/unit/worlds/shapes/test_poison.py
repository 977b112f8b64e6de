"""Groups that are to enter the reference set."""

import pytest
from tests.planting import planted

from stillwatch.worlds.shapes.poison import Poison


@pytest.mark.parametrize("drift", [0.1, 0.9])
def test_drift_is_the_dealt_share(drift: float) -> None:
    """All of it behind one template."""
    world = planted(Poison(accounts=20, exchanges=1_000, cover=0.0, drift=drift))

    assert abs(world.events.harvested.mean() - drift) < 0.05
    assert len({p.split("\n\n")[0] for p in world.column("prompt")}) == 1


def test_dials_out_of_range_are_refused() -> None:
    """The message names the dial."""
    with pytest.raises(ValueError, match="drift"):
        Poison(drift=1.5)
