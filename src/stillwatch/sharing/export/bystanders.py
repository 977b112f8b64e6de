"""
How often an indicator would hit somebody who has no part in any campaign: the floor that every kind of indicator must keep.

Bystanders are the exchanges of the store that no campaign touches, by account or by exchange.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.privacy import Key
from stillwatch.records.tables import ATTRIBUTED, MEMBERS, SIGNATURES
from stillwatch.settings import EngineSettings
from stillwatch.sharing.export.floors import MAX_BENIGN_HITS_PER_MILLION, MIN_BENIGN_TEXTS
from stillwatch.sharing.hunt import store
from stillwatch.sharing.hunt.indicators import Wanted

NEEDED = (SIGNATURES, MEMBERS, ATTRIBUTED)
FROM = """(SELECT s.row, s.account FROM signatures s LEFT JOIN (SELECT DISTINCT account FROM members) m ON m.account = s.account
    LEFT JOIN (SELECT DISTINCT row FROM attributed) a ON a.row = s.row WHERE m.account IS NULL AND a.row IS NULL)"""
CORE = """(SELECT a.row, a.account, a.campaign_id FROM attributed a
    JOIN members m ON m.account = a.account AND m.campaign_id = a.campaign_id AND m.membership = 'core')"""


@dataclass(frozen=True, slots=True)
class Bystanders:
    """
    The exchanges of bystanders in a store.

    Args:
        n: How many there are.
    """

    n: int

    @classmethod
    def of(cls, engine: Engine) -> "Bystanders":
        """Count them."""
        return cls(int(engine.query(f"SELECT count(*) AS n FROM {FROM}")["n"][0].as_py()))

    def rate(self, n_hits: int) -> float:
        """Hits in a million, as they are published: rounded to one digit."""
        return round(n_hits * 1e6 / self.n, 1)

    def refusal(self, n_hits: int, what: str) -> str | None:
        """Why an indicator that hits so many of them stays; None where it may leave."""
        if self.n < MIN_BENIGN_TEXTS:
            return f"fewer than {MIN_BENIGN_TEXTS} exchanges of the store are no campaign's: benign hits cannot be measured"
        if n_hits * 1e6 / self.n > MAX_BENIGN_HITS_PER_MILLION:
            return f"more than {MAX_BENIGN_HITS_PER_MILLION:g} in a million benign requests {what}"
        return None


def n_among(engine: Engine, rows: pa.Array) -> int:
    """How many of some rows are bystanders'."""
    counted = engine.query(f"SELECT count(*) AS n FROM {FROM} s JOIN hits h ON h.row = s.row", hits=pa.table({"row": rows}))
    return int(counted["n"][0].as_py())


def measured(root: Path, wanted: Wanted, key: Key, tokens: Mapping[str, Sequence[str]]) -> tuple[Bystanders, dict[str, int]]:
    """
    How many bystanders' exchanges each value would hit, looked for just as a peer will.

    Args:
        root: The store of the scan; without one there are no bystanders, and so nothing is measured.
        wanted: Networks and tokens, under names of the caller's.
        key: The key of the store's digests.
        tokens: All own accounts by token.

    Raises:
        SharingError: the store was made with another key.
    """
    if not all(parts.part_files(root, spec) for spec in NEEDED):
        return Bystanders(0), {}
    with DuckDBEngine(root, EngineSettings()) as engine:
        store.check_key(engine, key)
        hits = store.StoreHunt(wanted, "", key, tokens).hits(engine)
        counted = engine.query(
            f"SELECT h.indicator_id, count(DISTINCT s.row) AS n FROM {FROM} s JOIN hits h ON h.row = s.row "
            "GROUP BY h.indicator_id ORDER BY h.indicator_id",
            hits=hits,
        )
        return Bystanders.of(engine), dict(zip(counted["indicator_id"].to_pylist(), counted["n"].to_pylist(), strict=True))
