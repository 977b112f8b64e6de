"""What a detector says, as a table."""

import pyarrow as pa

from stillwatch.evidence.base import Statement, statements_table
from stillwatch.evidence.synchrony import Synchrony
from stillwatch.records.tables import EVIDENCE


def test_statements_become_rows_clipped_to_the_cap() -> None:
    """One row a group, in order, with weights within the cap and absent numbers null."""
    said = [Statement(99.0, "much", 5, 1.0, 0.5, 0.1), Statement(0.0, "nothing")]

    table = statements_table(Synchrony(), pa.table({"group": [4, 2]}), said)

    assert table.schema.names == list(EVIDENCE.names)
    assert table["group"].to_pylist() == [4, 2]
    assert table["weight_bits"].to_pylist() == [6.0, 0.0]
    assert table["statistic"].to_pylist() == [1.0, None]
