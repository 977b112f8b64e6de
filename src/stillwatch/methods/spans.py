"""How close together most of some moments lie."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

DAY_US = 24 * 3_600_000_000
MOST = 0.75  # half of them would be found together in groups that are half strangers
SHORTEST_DAYS = 1.0  # below a day only the hour differs


def span_of_most(moments_us: NDArray[np.int64]) -> float:
    """
    Days of the shortest span that holds three quarters of the moments, at least one day.

    Args:
        moments_us: (n,) ascending, microseconds, n at least 2.

    >>> span_of_most(np.array([0, 400, 401, 404, 900]) * DAY_US)
    404.0
    """
    last = ceil(MOST * moments_us.size) - 1
    return max(float((moments_us[last:] - moments_us[: moments_us.size - last]).min()) / DAY_US, SHORTEST_DAYS)
