"""The labels of a world, in side files; nothing of them is in the log."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.worlds.cast import People
from stillwatch.worlds.draft import Events
from stillwatch.worlds.log import STORAGE
from stillwatch.worlds.render import account_columns
from stillwatch.worlds.world import World, told

EXCHANGES_TRUTH = pa.schema(
    [("exchange_id", pa.string()), ("account_id", pa.string()), ("campaign", pa.string()), ("harvested", pa.bool_())]
)


class Truth:
    """
    Written while the log is.

    Args:
        folder: Gets `exchanges.parquet`, `accounts.parquet` and `world.json`.
        world: What was built.
        people: All accounts.
        seed: Of the world.
    """

    def __init__(self, folder: Path, world: World, people: People, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._world, self._people, self._seed = folder, world, people, seed
        self._campaign = pa.array([name if part.campaign else None for name, part in world.named_parts()], pa.string())
        self._writer = pq.ParquetWriter(folder / "exchanges.parquet", EXCHANGES_TRUTH, **STORAGE)

    def add(self, table: pa.Table, events: Events, first: int, last: int) -> None:
        """Label some rows of the log: `harvested` is false for what a campaign's account sends as cover."""
        campaign = self._campaign.take(pa.array(self._people.part[events.account[first:last]]))
        columns = [table["exchange_id"], table["account_id"], campaign, pa.array(events.harvested[first:last])]
        self._writer.write_table(pa.table(columns, schema=EXCHANGES_TRUTH))

    def close(self, sources: dict[str, object]) -> None:
        """Finish the exchanges; write accounts and the world's own description."""
        self._writer.close()
        ids = account_columns(self._people, self._seed)
        part = pa.array(self._people.part)
        names = self._world.named_parts()
        table = pa.table(
            {
                "account_id": ids["account_id"],
                "kind": pa.array([p.kind for _, p in names], pa.string()).take(part),
                "campaign": self._campaign.take(part),
                "org_id": ids["org_id"],
                "part": pa.array([name for name, _ in names], pa.string()).take(part),
            }
        )
        pq.write_table(table, self._folder / "accounts.parquet", **STORAGE)
        made_with = {"stillwatch": version("stillwatch"), "numpy": np.__version__, "pyarrow": pa.__version__}
        whole = told(self._world, self._seed) | {"sources": sources, "made_with": made_with}
        (self._folder / "world.json").write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
