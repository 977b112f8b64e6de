"""The signatures as the miners read them: batch by batch, as arrays, as often as they like."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from stillwatch.engine.base import Engine
from stillwatch.methods.hashing import U, mix

_LISTS = "SELECT account, fragments FROM signatures WHERE fragments IS NOT NULL"
_CONTRACTS = "SELECT account, contract FROM signatures WHERE contract IS NOT NULL"
_SQL = """
SELECT row, account, seen_at, exact, fragments, contract, semantic_hi, semantic_lo, n_words
FROM signatures WHERE exact IS NOT NULL OR contract IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Signatures of some exchanges; fragments of exchange i are fragments[offsets[i]:offsets[i + 1]]."""

    row: npt.NDArray[np.int64]
    account: npt.NDArray[np.int64]
    request: npt.NDArray[np.uint64]  # names the exchange by what it is, so that renaming rows changes nothing
    fragments: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    contract: npt.NDArray[np.int64]
    has_contract: npt.NDArray[np.bool_]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    n_words: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Held:
    """Some exchanges and the values that each holds: list i is values[offsets[i]:offsets[i + 1]]."""

    values: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    account: npt.NDArray[np.int64]


def fragments(engine: Engine) -> Iterator[Held]:
    """The fragments of every exchange, and nothing else of it."""
    for batch in engine.batches(_LISTS):
        lists = batch.column("fragments")
        yield Held(lists.flatten().to_numpy(), _offsets(lists), batch.column("account").to_numpy())


def contracts(engine: Engine) -> Iterator[Held]:
    """The contract of every exchange that has one."""
    for batch in engine.batches(_CONTRACTS):
        yield Held(batch.column("contract").to_numpy(), np.arange(batch.num_rows + 1), batch.column("account").to_numpy())


def _offsets(lists: pa.ListArray) -> npt.NDArray[np.int64]:
    lengths = np.nan_to_num(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def batches(engine: Engine) -> Iterator[Batch]:
    """Every exchange that has a text or a contract."""
    for batch in engine.batches(_SQL):
        yield _batch(batch)


def _batch(batch: pa.RecordBatch) -> Batch:
    lists = batch.column("fragments")
    account = batch.column("account").to_numpy()
    contract, exact = batch.column("contract"), batch.column("exact")
    request = np.empty(len(account), np.uint64)
    times = batch.column("seen_at").cast(pa.timestamp("us", tz="UTC")).view(pa.int64()).to_numpy()
    _name(account, times, exact.fill_null(0).to_numpy(), request)
    return Batch(
        batch.column("row").to_numpy(),
        account,
        request,
        lists.flatten().to_numpy(),
        _offsets(lists),
        contract.fill_null(0).to_numpy(),
        contract.is_valid().to_numpy(zero_copy_only=False),
        batch.column("semantic_hi").fill_null(0).to_numpy().view(np.uint64),
        batch.column("semantic_lo").fill_null(0).to_numpy().view(np.uint64),
        batch.column("n_words").fill_null(0).to_numpy(),
    )


@njit(cache=True, nogil=True)
def _name(account: Any, times: Any, exact: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = mix(mix(mix(U(account[i])) ^ U(times[i])) ^ U(exact[i]))
