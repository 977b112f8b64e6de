"""Rhythms of real clients, from a folder of published traces; without one, the shipped fits (clock.SHIPPED) are used."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import SettingsError
from stillwatch.worlds.clock import F64, I64, WAKING, Rhythms, rhythms

MIN_WINDOWS = 24  # of a client with traffic; below it a day's shape is noise
SMOOTHING = 0.25  # of a waking day, mixed in: a client seen on one day only is not idle in its other hours for ever
_COLUMNS = ["workload", "client", "t_seconds", "rate_rps", "iat_cv"]


def load(folder: Path) -> Rhythms:
    """
    One rhythm a client of `clients_rate.parquet`: its hours, and how clustered its requests are.

    Raises:
        SettingsError: the file is not there, or has no client with enough traffic.
    """
    path = folder / "clients_rate.parquet"
    if not path.exists():
        raise SettingsError(f"{path}: no such file. Point --traces at a folder that holds clients_rate.parquet")
    table = pq.read_table(path, columns=_COLUMNS)
    client, n = _clients(table)
    rate = np.nan_to_num(table["rate_rps"].to_numpy().astype(float))
    hour = (table["t_seconds"].to_numpy() // 3600 % 24).astype(np.int64)
    weights = np.zeros((n, 24))
    np.add.at(weights, (client, hour), rate)
    active = np.bincount(client, rate > 0, n) >= MIN_WINDOWS
    if not active.any():
        raise SettingsError(f"{path}: no client has {MIN_WINDOWS} windows with traffic")
    shape = weights[active] / weights[active].sum(1, keepdims=True)
    burst = burst_sizes(_mean_cv(table, client, n)[active])
    return rhythms((1 - SMOOTHING) * shape + SMOOTHING * WAKING / WAKING.sum(), burst, 90.0 / burst, np.ones(int(active.sum())))


def burst_sizes(cv: F64) -> F64:
    """Mean burst of clustered arrivals with this coefficient of variation: (CV² + 1) / 2, at most 40."""
    return np.asarray(np.clip((cv**2 + 1.0) / 2.0, 1.0, 40.0), float)


def _clients(table: pa.Table) -> tuple[I64, int]:
    names = np.array([f"{w}/{c}" for w, c in zip(table["workload"].to_pylist(), table["client"].to_pylist(), strict=True)])
    known, client = np.unique(names, return_inverse=True)
    return client, len(known)


def _mean_cv(table: pa.Table, client: I64, n: int) -> F64:
    cv = np.nan_to_num(table["iat_cv"].to_numpy().astype(float))
    seen = np.maximum(np.bincount(client, cv > 0, n), 1)
    return np.asarray(np.maximum(np.bincount(client, cv, n) / seen, 1.0), float)
