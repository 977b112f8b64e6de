"""
Contracts of a campaign (S2: the keys, tags and scales that an operator's script reads), from the store of its scan.

They find what templates miss: requests with much text of their own, and wording that is paraphrased each time. Few contracts are
secret, and whoever holds the epoch's key can guess one; so the floors are those of templates, and benign hits are counted
over every exchange of the store that no campaign touches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stillwatch.engine import parts
from stillwatch.engine.base import Engine
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.errors import SharingError
from stillwatch.records.tables import SHARED_CONTRACTS
from stillwatch.settings import EngineSettings
from stillwatch.sharing.export import bystanders
from stillwatch.sharing.export.bystanders import Bystanders
from stillwatch.sharing.export.floors import MIN_ACCOUNTS, MIN_REQUESTS, LeftOut, power_of_two
from stillwatch.sharing.export.sketch import write_contract

_NEEDED = (*bystanders.NEEDED, SHARED_CONTRACTS)


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract that may leave: as it is written, rounded support, benign hits per million."""

    written: str
    accounts_min: int
    requests_bucket: int
    benign_hits_per_million: float


def contracts(root: Path, campaign_id: str, epoch: str) -> tuple[list[Contract], list[LeftOut]]:
    """
    The contracts of a campaign, sorted into those that may leave and those that stay; none where the store holds none.

    Args:
        root: The store of the scan that found the campaign.
        epoch: Name of the epoch whose digests leave.

    Raises:
        SharingError: the store has contracts of other epochs only.
    """
    if not all(parts.part_files(root, spec) for spec in _NEEDED):
        return [], []
    with DuckDBEngine(root, EngineSettings()) as engine:
        known = engine.query("SELECT DISTINCT epoch FROM shared_contracts ORDER BY epoch")["epoch"].to_pylist()
        if known and epoch not in known:
            raise SharingError(f"{root}: holds contracts of epoch {', '.join(known)}, not of {epoch}. Scan anew with [sharing]")
        kept: list[Contract] = []
        left: list[LeftOut] = []
        for one in _judged(engine, campaign_id, epoch):
            (kept.append if isinstance(one, Contract) else left.append)(one)  # type: ignore[arg-type]  # told apart above
        return kept, left


def _judged(engine: Engine, campaign_id: str, epoch: str) -> Iterator[Contract | LeftOut]:
    """Each contract that core accounts of the campaign asked for, by its digest: their order tells nothing."""
    told = Bystanders.of(engine)
    wanted = engine.query(
        f"""SELECT c.contract, count(DISTINCT a.row) AS n_requests, count(DISTINCT a.account) AS n_accounts
        FROM {bystanders.CORE} a JOIN shared_contracts c ON c.row = a.row AND c.epoch = '{epoch}'
        WHERE a.campaign_id = '{campaign_id}' GROUP BY c.contract ORDER BY c.contract"""
    )
    benign = engine.query(
        f"""SELECT w.contract, count(*) AS n FROM {bystanders.FROM} s
        JOIN shared_contracts c ON c.row = s.row AND c.epoch = '{epoch}' JOIN wanted w ON w.contract = c.contract
        GROUP BY w.contract ORDER BY w.contract""",
        wanted=wanted,
    )
    hits = dict(zip(benign["contract"].to_pylist(), benign["n"].to_pylist(), strict=True))
    for row in wanted.to_pylist():
        yield _judge(row["contract"], row["n_accounts"], row["n_requests"], hits.get(row["contract"], 0), told)


def _judge(contract: int, n_accounts: int, n_requests: int, hits: int, told: Bystanders) -> Contract | LeftOut:
    written = write_contract(contract)
    if n_accounts < MIN_ACCOUNTS:
        return LeftOut(written, f"fewer than {MIN_ACCOUNTS} core accounts ask for this contract")
    if n_requests < MIN_REQUESTS:
        return LeftOut(written, f"fewer than {MIN_REQUESTS} requests ask for this contract")
    if (refusal := told.refusal(hits, "ask for this contract")) is not None:
        return LeftOut(written, refusal)
    return Contract(written, power_of_two(n_accounts), n_requests.bit_length() - 1, told.rate(hits))
