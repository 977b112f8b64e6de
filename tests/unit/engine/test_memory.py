"""What was freed goes back to the system."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.engine.memory import give_back

_STATUS = Path("/proc/self/statm")


@pytest.mark.skipif(not _STATUS.exists(), reason="resident memory is read from /proc, which this system does not have")
def test_freed_arrays_do_not_stay_resident() -> None:
    """Two hundred megabytes in small arrays, of which every second is freed and then all, are not resident afterwards."""
    before = _resident()
    small = [np.ones(8_000) for _ in range(2_500)]
    columns = [pa.array(a) for a in small[::50]]
    held = _resident()
    assert held > before + 100e6
    del small, columns

    give_back()

    assert _resident() < before + 50e6


def _resident() -> int:
    return int(_STATUS.read_text().split()[1]) * 4096
