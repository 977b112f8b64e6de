"""Rhythms of real clients."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import SettingsError
from stillwatch.worlds.traces import burst_sizes, load


def a_trace(folder: Path, clients: int = 2, windows: int = 72) -> Path:
    """Clients that are busy at hour nine plus their number; one window an hour."""
    rows = [
        {"workload": "w", "client": c, "t_seconds": h * 3600, "rate_rps": 1.0 + 50.0 * (h % 24 == 9 + c), "iat_cv": 3.0}
        for c in range(clients)
        for h in range(windows)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "clients_rate.parquet")
    return folder


def test_each_client_is_a_rhythm(tmp_path: Path) -> None:
    """Its busiest hour is its own, and its bursts follow from its variation."""
    known = load(a_trace(tmp_path))

    assert len(known.share) == 2
    assert [int(np.bincount(h, minlength=24).argmax()) for h in known.hours] == [9, 10]
    assert known.burst_mean.tolist() == [5.0, 5.0]


def test_bursts_are_bounded() -> None:
    """A coefficient of variation of one is no burst."""
    assert burst_sizes(np.array([1.0, 3.0, 100.0])).tolist() == [1.0, 5.0, 40.0]


def test_clients_seen_too_shortly_are_left_out(tmp_path: Path) -> None:
    """With none left there is an error that says so."""
    with pytest.raises(SettingsError, match="no client has 24 windows"):
        load(a_trace(tmp_path, windows=10))


def test_a_folder_without_traces_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(SettingsError, match=r"clients_rate\.parquet: no such file"):
        load(tmp_path)
