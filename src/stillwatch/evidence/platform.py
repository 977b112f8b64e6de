"""What detectors ask of the whole platform: the same for every group, and so asked once a scan."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.methods.spans import span_of_most
from stillwatch.records.tables import ACCOUNTS, GROUP_ACCOUNTS, SIGNATURES

MIN_SIGNUPS = 10  # five sign-ups in a row say little
STEPS_A_DOUBLING = 4  # the span is rounded down to a root of a root of two, so that no newcomer moves a weight


@dataclass(frozen=True, slots=True)
class Blobs:
    """
    Which accounts sent which opaque strings.

    Args:
        account: (n,) ascending.
        blob: (n,) digests; of those that one account alone sent, one 0 stands for all.
    """

    account: NDArray[np.int64]
    blob: NDArray[np.int64]

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """One pass over the blobs of the log."""
        if not engine.has(SIGNATURES):
            return cls(np.empty(0, np.int64), np.empty(0, np.int64))
        sql = """
            WITH sent AS (SELECT DISTINCT account, unnest(blobs) AS blob FROM signatures WHERE blobs IS NOT NULL),
                 held AS (SELECT blob, count(*) AS n FROM sent GROUP BY blob)
            SELECT DISTINCT s.account, CASE WHEN h.n > 1 THEN s.blob END AS blob FROM sent s JOIN held h ON h.blob = s.blob
            ORDER BY s.account, 2
        """
        found = engine.query(sql)
        return cls(found["account"].to_numpy(), found["blob"].fill_null(0).to_numpy())


@dataclass(frozen=True, slots=True)
class Platform:
    """
    Args:
        n_units: Organisations and lone accounts, rounded down to a power of two: the safe side, and no newcomer moves a weight.
        signup_span_days: Shortest span that holds three quarters of their sign-ups, rounded down; infinite where it is not known.
        blobs: What opaque strings were sent.
    """

    n_units: int
    signup_span_days: float
    blobs: Blobs

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """A few passes over columns of the log."""
        return cls(_units(engine), _signup_span(engine), Blobs.of(engine))


def _units(engine: Engine) -> int:
    if engine.has(ACCOUNTS):
        sql = "SELECT count(*) AS n FROM (SELECT DISTINCT org_id, CASE WHEN org_id IS NULL THEN account_id END FROM accounts)"
    elif engine.has(SIGNATURES):
        sql = "SELECT count(DISTINCT coalesce(org, account)) AS n FROM signatures"
    else:
        sql = f"SELECT count(DISTINCT coalesce(org, account)) AS n FROM {GROUP_ACCOUNTS.name}"
    n = int(engine.query(sql)["n"][0].as_py())
    return 1 << max(n.bit_length() - 1, 0)


def _signup_span(engine: Engine) -> float:
    if not engine.has(SIGNATURES):
        return float("inf")
    sql = """
        SELECT min(account_created_at) AS created FROM signatures WHERE account_created_at IS NOT NULL
        GROUP BY coalesce(org, account) ORDER BY created
    """
    created = engine.query(sql)["created"].cast(pa.int64()).to_numpy()
    if created.size < MIN_SIGNUPS:
        return float("inf")
    return float(2 ** (np.floor(np.log2(span_of_most(created)) * STEPS_A_DOUBLING) / STEPS_A_DOUBLING))
