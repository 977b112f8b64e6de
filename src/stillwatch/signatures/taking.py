"""Signatures that were made where the text lives, taken over as they are."""

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.privacy import pseudonym
from stillwatch.records.tables import ACCOUNTS


def taken_over(batch: pa.RecordBatch, first_row: int) -> tuple[pa.Table, pa.Table]:
    """
    Signatures and accounts of a signed table; the first of its rows becomes `first_row`.

    A signed table knows no account ids: pseudonyms stand for them.
    """
    table = pa.Table.from_batches([batch])
    at = table.schema.get_field_index("row")
    rows = pa.array(range(first_row, first_row + table.num_rows), pa.int64())
    accounts = pc.unique(table["account"]).to_pylist()
    people = {
        "account": accounts,
        "account_id": [pseudonym(a) for a in accounts],
        "org_id": pa.nulls(len(accounts), pa.string()),
    }
    return table.set_column(at, "row", rows), pa.table(people, schema=ACCOUNTS.schema)
