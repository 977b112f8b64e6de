"""A small campaign in tables: what the stages before attribution leave."""

from pathlib import Path

from tests.tables import an_engine, minutes, stored

from stillwatch.engine.duckdb import DuckDBEngine

MEMBERS, HARVEST, COVER = 20, 5, 5


def a_fleet(
    tmp_path: Path,
    told_by: str = "wording",
    client: int | None = 900,
    payment: bool = True,
    recipes: int = 2,
) -> DuckDBEngine:
    """Twenty accounts that harvest with some recipes and chat besides, among 300 others; one of these used a recipe once."""
    rows, uses, found = [], [], []
    for account in range(MEMBERS):
        for n in range(HARVEST + COVER):
            row = account * 100 + n
            rows.append(
                {
                    "row": row,
                    "exchange_id": f"x{row}",
                    "account": account,
                    "config": client,
                    "network": 50,
                    "seen_at": minutes(row),
                }
            )
            if n < HARVEST and told_by == "wording":
                uses.append({"row": row, "account": account, "recipe": 7 + n % recipes, "matched": 3})
            if n < HARVEST or told_by != "wording":
                found.append({"group": 1, "account": account, "row": row})
    for other in range(300):
        for n in range(10):
            row = 100_000 + other * 100 + n
            rows.append(
                {"row": row, "exchange_id": f"x{row}", "account": 1000 + other, "config": other % 3, "network": 1000 + other}
            )
    uses.append({"row": 100_000, "account": 1000, "recipe": 7, "matched": 3})
    return stored(
        an_engine(tmp_path),
        signatures=rows,
        uses=uses,
        recipes=[
            {"recipe": r, "family": r, "kind": "wording", "n_requests": sum(u["recipe"] == r for u in uses)}
            for r in range(7, 7 + recipes)
        ],
        groups=[{"group": 1, "told_by": told_by, "n_accounts": MEMBERS}],
        group_accounts=[
            {"group": 1, "account": a, "payment": a % 2 if payment else None, "payment_units": 10} for a in range(MEMBERS)
        ],
        group_exchanges=found,
        campaigns=[{"campaign_id": "c-1", "group": 1}],
        campaign_groups=[{"campaign_id": "c-1", "group": 1}],
        cleared=[],
    )
