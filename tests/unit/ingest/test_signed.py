"""Detection of signed tables."""

import pyarrow as pa

from stillwatch.ingest.base import Head
from stillwatch.ingest.signed import SIGNED
from stillwatch.records.tables import EXCHANGES, SIGNATURES
from stillwatch.settings import IngestSettings


def test_a_signed_table_is_told_by_its_columns() -> None:
    """
    Whole Parquet with every column of `signatures`, and nothing else.
    """
    settings = IngestSettings()

    assert SIGNED.detect(Head("p", 1, "parquet", None, schema=SIGNATURES.schema), settings) == 1.0
    assert SIGNED.detect(Head("p", 1, "parquet", None, schema=EXCHANGES.schema), settings) == 0.0
    assert SIGNED.detect(Head("p", 1, "cut parquet", None, schema=SIGNATURES.schema), settings) == 0.0
    assert SIGNED.detect(Head("p", 1, "lines", None, ({"row": 1},)), settings) == 0.0
    assert SIGNED.mapping(Head("p", 1, "parquet", None, schema=pa.schema([])), settings)["row"] == "row"
