"""Read each log here and write what Stillwatch makes of it; a person reads the difference before it is committed."""

import sys
from pathlib import Path

import orjson

from stillwatch import ingest
from stillwatch.settings import IngestSettings

LOGS = ("exchanges.jsonl", "litellm.jsonl", "pairs.jsonl")


def rows(log: Path) -> bytes:
    """The exchanges of a log, one JSON object a line, without what is null."""
    source = ingest.discover([str(log)], IngestSettings())
    pieces = [p for split in source.splits for p in ingest.read(split, IngestSettings())]
    told = [{k: v for k, v in row.items() if v is not None} for p in pieces for row in p.exchanges.to_pylist()]
    return b"".join(orjson.dumps(row, default=str) + b"\n" for row in told)


def main() -> None:
    """Rewrite the `.rows.jsonl` beside each log."""
    here = Path(__file__).parent
    for name in LOGS:
        target = here / name.replace(".jsonl", ".rows.jsonl")
        target.write_bytes(rows(here / name))
        sys.stdout.write(f"{target.name}\n")


if __name__ == "__main__":
    main()
