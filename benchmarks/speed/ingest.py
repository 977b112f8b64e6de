"""
speed.ingest: megabytes a second and core of each adapter, against a bare reader of the same file timed in the same run.

    python -m benchmarks.speed.ingest [--rows 40000] [--rounds 5] [--peers PEERS/bin/python] [--dry]

The text is real (`STILLWATCH_DATA`, prompts/human/sharegpt_a). Adapter and yardstick take turns, one thread each, CPU time,
best of the rounds; MB are of uncompressed JSON, for Parquet of the Arrow table in memory. PEERS is an environment with the group
speed-peers: Polars, the fastest reader of JSON lines that was found, runs in it.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq
import zstandard
from benchmarks.record import record

from stillwatch import ingest
from stillwatch.records.tables import EXCHANGES
from stillwatch.settings import IngestSettings

DATA = Path(os.environ.get("STILLWATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
CORPUS = DATA / "prompts" / "human" / "sharegpt_a.parquet"
DUCK_TYPES = {"messages": "STRUCT(role VARCHAR, content VARCHAR)[]", "tools": "VARCHAR[]"}


def canonical(number: int, prompt: str, response: str) -> dict[str, object]:
    """One exchange as the canonical table has it; half of its 36 columns are filled."""
    return {
        "exchange_id": f"x-{number}",
        "seen_at": f"2026-11-{number % 28 + 1:02d}T09:{number % 60:02d}:00.250Z",
        "account_id": f"acct-{number % 997}",
        "org_id": f"org-{number % 101}",
        "payment_id": f"card-{number % 499}",
        "ip": f"203.0.113.{number % 250}",
        "user_agent": "tide-client/1.0",
        "provider": "openai",
        "model": "poem-1",
        "messages": [{"role": "user", "content": prompt}],
        "prompt": prompt,
        "response": response,
        "temperature": 0.7,
        "max_tokens": 512,
        "stream": False,
        "prompt_tokens": len(prompt) // 4,
        "completion_tokens": len(response) // 4,
        "finish_reason": "stop",
        "status": 200,
    }


def pair(number: int, prompt: str, response: str) -> dict[str, object]:
    """One raw pair."""
    answer = {"index": 0, "message": {"role": "assistant", "content": response}, "finish_reason": "stop"}
    return {
        "ts": 1_793_610_000 + number,
        "account": f"acct-{number % 997}",
        "ip": f"203.0.113.{number % 250}",
        "status": 200,
        "request": {"model": "poem-1", "messages": [{"role": "user", "content": prompt}], "temperature": 0.7},
        "response": {
            "id": f"c-{number}",
            "model": "poem-1",
            "choices": [answer],
            "usage": {"prompt_tokens": 9, "completion_tokens": 9},
        },
    }


def payload(number: int, prompt: str, response: str) -> dict[str, object]:
    """One LiteLLM payload, with the fields that make it long."""
    lines = (Path(__file__).parents[2] / "tests" / "golden" / "logs" / "litellm.jsonl").read_bytes().splitlines()
    line: dict[str, object] = orjson.loads(lines[0])
    answer = {"index": 0, "message": {"role": "assistant", "content": response}, "finish_reason": "stop"}
    changed = {"messages": [{"role": "user", "content": prompt}], "response": {"choices": [answer]}}
    return line | changed | {"litellm_call_id": f"c-{number}", "startTime": 1_793_610_000.0 + number}


def write_logs(folder: Path, n_rows: int) -> dict[str, int]:
    """Every log of the scenario; returns MB in bytes of uncompressed text by file name."""
    table = pq.read_table(CORPUS, columns=["prompt", "response"]).slice(0, n_rows)
    texts = [(p or "", r or "") for p, r in zip(table["prompt"].to_pylist(), table["response"].to_pylist(), strict=True)]
    for name, make in (("exchanges", canonical), ("pairs", pair), ("litellm", payload)):
        (folder / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps(make(i, *t)) + b"\n" for i, t in enumerate(texts)))
    plain = (folder / "exchanges.jsonl").read_bytes()
    lines = plain.split(b"\n")
    lines[::1_000] = [line[: len(line) // 2] for line in lines[::1_000]]
    (folder / "exchanges-bad-0.1%.jsonl").write_bytes(b"\n".join(lines))
    (folder / "exchanges.jsonl.gz").write_bytes(gzip.compress(plain, 6))
    (folder / "exchanges.jsonl.zst").write_bytes(zstandard.ZstdCompressor(3).compress(plain))
    rows = pa.Table.from_batches([p.exchanges for p in read(folder / "exchanges.jsonl")])
    pq.write_table(rows, folder / "exchanges.parquet", compression="zstd", row_group_size=65_536)
    sizes = {f.name: f.stat().st_size for f in folder.iterdir()}
    return sizes | {"exchanges.jsonl.gz": len(plain), "exchanges.jsonl.zst": len(plain), "exchanges.parquet": rows.nbytes}


def read(path: Path) -> list[ingest.Piece]:
    """The whole file through its adapter."""
    settings = IngestSettings()
    return [piece for split in ingest.discover([str(path)], settings).splits for piece in ingest.read(split, settings)]


def arrow_json(path: Path) -> object:
    """Arrow's reader with the schema declared."""
    fields = [pa.field(c.name, pa.string() if c.name in ("seen_at", "account_created_at") else c.type) for c in EXCHANGES.columns]
    options = pj.ParseOptions(explicit_schema=pa.schema(fields), unexpected_field_behavior="ignore")
    return pj.read_json(path, pj.ReadOptions(use_threads=False, block_size=8 << 20), options)


def duckdb_json(path: Path) -> object:
    """DuckDB's reader with the columns declared."""
    named = {"string": "VARCHAR", "double": "DOUBLE", "int32": "INTEGER", "int64": "BIGINT", "bool": "BOOLEAN"}
    columns = {c.name: DUCK_TYPES.get(c.name, named.get(str(c.type), "VARCHAR")) for c in EXCHANGES.columns}
    with duckdb.connect(config={"threads": 1}) as connection:
        listed = ", ".join(f"{n}: '{t}'" for n, t in columns.items())
        how = f"format = 'newline_delimited', columns = {{{listed}}}, maximum_object_size = 67108864"
        query = f"SELECT * FROM read_json('{path}', {how})"
        return connection.sql(query).to_arrow_table()


def orjson_lines(path: Path) -> object:
    """One dictionary a line, and nothing made of it."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


_POLARS = """
import json, sys, time
import polars as pl
path, rounds, names = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
kinds = {"string": pl.String, "double": pl.Float64, "int32": pl.Int32, "int64": pl.Int64, "bool": pl.Boolean}
turns = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
schema = {n: turns if n == "messages" else pl.List(pl.String) if n == "tools" else kinds.get(k, pl.String) for n, k in names}
best = float("inf")
for _ in range(rounds):
    began = time.process_time()
    pl.scan_ndjson(path, schema=schema).collect()
    best = min(best, time.process_time() - began)
print(best)
"""


def polars_json(path: Path, python: str, rounds: int) -> float:
    """CPU seconds of Polars with the schema declared, on one thread of its own interpreter; it reads zstd as well."""
    names = orjson.dumps([[c.name, str(c.type)] for c in EXCHANGES.columns]).decode()
    command = [python, "-c", _POLARS, str(path), str(rounds), names]
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def arrow_parquet(path: Path) -> object:
    """Arrow's reader, every column."""
    return pq.read_table(path, use_threads=False)


def raced(adapter: Callable[[], object], yardstick: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Best CPU seconds of each, taking turns."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, run in enumerate((adapter, yardstick)):
            began = time.process_time()
            run()
            best[i] = min(best[i], time.process_time() - began)
    return best[0], best[1]


RACES: tuple[tuple[str, str, Callable[[Path], object]], ...] = (
    ("exchanges.jsonl", "arrow", arrow_json),
    ("exchanges.jsonl", "duckdb", duckdb_json),
    ("exchanges.jsonl", "orjson", orjson_lines),
    ("exchanges-bad-0.1%.jsonl", "lines", lambda path: path.read_bytes().splitlines()),
    ("exchanges.jsonl.gz", "gzip", lambda path: gzip.decompress(path.read_bytes())),
    ("exchanges.jsonl.zst", "zstd", lambda path: zstandard.ZstdDecompressor().decompress(path.read_bytes())),
    ("exchanges.parquet", "arrow", arrow_parquet),
    ("pairs.jsonl", "orjson", orjson_lines),
    ("litellm.jsonl", "orjson", orjson_lines),
)


def line(log: str, yardstick: str, megabytes: float, ours: float, theirs: float, rounds: int) -> dict[str, object]:
    """One race as it is recorded."""
    return {
        "log": log,
        "yardstick": yardstick,
        "mb": round(megabytes, 1),
        "mb_per_s": round(megabytes / ours, 1),
        "yardstick_mb_per_s": round(megabytes / theirs, 1),
        "times_yardstick": round(ours / theirs, 2),
        "rounds": rounds,
    }


def main() -> None:
    """Run every race, print a line each, append one JSON line to the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", help="Python of an environment with pyarrow and the group speed-peers")
    parser.add_argument("--dry", action="store_true", help="print, do not record")
    asked = parser.parse_args()
    if not CORPUS.exists():
        sys.exit("speed.ingest needs the shared corpora: set STILLWATCH_DATA to their folder")
    pa.set_cpu_count(1)
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        sizes = write_logs(Path(folder), asked.rows)
        for name, yardstick, bare in RACES:
            path = Path(folder) / name
            ours, theirs = raced(lambda path=path: read(path), lambda path=path, bare=bare: bare(path), asked.rounds)  # type: ignore[misc]
            results.append(line(name, yardstick, sizes[name] / 1e6, ours, theirs, asked.rounds))
            if asked.peers and yardstick in ("arrow", "zstd") and ".jsonl" in name:
                polars = polars_json(path, asked.peers, asked.rounds)
                results.append(line(name, "polars", sizes[name] / 1e6, ours, polars, asked.rounds))
        for told in results:
            print(f"{told['log']:26} {told['mb_per_s']:>8} MB/s, × {told['times_yardstick']} the time of {told['yardstick']}")
    if not asked.dry:
        record("speed.ingest", {"n_rows": asked.rows, "races": results})


if __name__ == "__main__":
    main()
