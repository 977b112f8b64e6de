"""A table of signatures, as `stillwatch sign` writes it where the text lives: taken over as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stillwatch.ingest import parquet
from stillwatch.ingest.base import Head, Piece, Split
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import IngestSettings


@dataclass(frozen=True)
class Signed:
    """Parquet with the columns of `signatures`; holds no text, so scans of it are of tier T1."""

    name: str = "signatures"
    table: str = "signatures"

    def detect(self, head: Head, settings: IngestSettings) -> float:
        """1.0 for Parquet with every column of the table; 0.0 otherwise."""
        whole = head.container == "parquet"  # a cut one is signed again rather than guessed at
        return float(whole and head.schema is not None and set(SIGNATURES.names) <= set(head.schema.names))

    def mapping(self, head: Head, settings: IngestSettings) -> Mapping[str, str]:
        """Names are the table's own."""
        return {n: n for n in SIGNATURES.names}

    def read(self, split: Split, settings: IngestSettings) -> Iterator[Piece]:
        """The pieces of one split."""
        return parquet.read_signatures(split)


SIGNED = Signed()
