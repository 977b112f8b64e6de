"""Slow poisoning of a reference set: a run of worlds, one a learning step, in each of which a group is a little less benign."""

from collections.abc import Iterator
from dataclasses import replace

from stillwatch.worlds.shapes.poison import Poison
from stillwatch.worlds.world import World


def poisoning(
    base: World, steps: int, groups: int = 3, accounts: int = 40, requests_an_account: float = 20.0, last: float = 1.0
) -> Iterator[World]:
    """
    The worlds that a reference would be learned from, in order; build each with a seed of its own.

    Args:
        base: The traffic around the groups; it is the same in every step.
        steps: Worlds, at least 2.
        groups: Poisoned groups in each, at least 1.
        accounts: Of a group.
        requests_an_account: Of a group.
        last: Drift of the last step, 0 to 1; the first has none, those between rise by equal steps.

    Raises:
        ValueError: a dial is out of range.
    """
    if steps < 2 or groups < 1 or not 0.0 <= last <= 1.0:
        raise ValueError("steps must be at least 2, groups at least 1, last within 0 … 1")
    for step in range(steps):
        drift = last * step / (steps - 1)
        group = Poison(accounts=accounts, requests_an_account=requests_an_account, drift=drift, days=base.days)
        poisoned = {f"poison-{number + 1}": group for number in range(groups)}
        yield replace(base, name=f"{base.name}, poisoned, step {step + 1}", parts={**base.parts, **poisoned})
