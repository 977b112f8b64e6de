"""How many processor cores this process may use."""

import os


def available_cores() -> int:
    """Cores that this process may run on: fewer than the machine's in a container or under taskset."""
    return len(os.sched_getaffinity(0))
