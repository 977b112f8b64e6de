"""What a campaign's core accounts hit of what peers published, from the hits that `scan --indicators` left in the store."""

from pathlib import Path

from stillwatch.engine import parts
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records.tables import PEER_HITS
from stillwatch.settings import EngineSettings
from stillwatch.sharing.export import bystanders
from stillwatch.sharing.hunt import store
from stillwatch.sharing.hunt.search import Found


def seen(root: Path, campaign_id: str) -> dict[str, Found]:
    """
    By id of the indicator; empty where no peer was asked.

    Args:
        root: The store of the scan that found the campaign.
    """
    if not all(parts.part_files(root, spec) for spec in (*bystanders.NEEDED, PEER_HITS)):
        return {}
    with DuckDBEngine(root, EngineSettings()) as engine:
        hits = engine.query(
            f"SELECT h.* FROM peer_hits h WHERE h.row IN (SELECT row FROM {bystanders.CORE} c "
            f"WHERE c.campaign_id = '{campaign_id}') ORDER BY h.indicator_id, h.row"
        )
        return store.found(engine, hits)
