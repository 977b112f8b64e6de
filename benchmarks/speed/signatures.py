"""
Speed of the signature stage on one core, against a yardstick timed in the same run over the same text.

The yardstick is the one-kernel pass that is usual for near-duplicates: 64-permutation MinHash over word 3-shingles, written
with the same tricks as our own kernels (letters classed and words hashed eight bytes at a time, four shingles a pass over 64
lanes). It does one of the jobs of the signature stage and none of the digests of who sent what.

Run: `python -m benchmarks.speed.signatures`. Times are CPU seconds of this process, best of interleaved rounds; one line is
appended to benchmarks/results/speed.signatures.jsonl.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.record import record
from benchmarks.speed.signature_parts import parts
from numba import njit

from stillwatch.methods.hashing import U, hash_block, hash_bytes, load8, lowest_bit, store8, tail_mask
from stillwatch.methods.words import lowered
from stillwatch.privacy import Key
from stillwatch.signatures import sign
from stillwatch.signatures.build import scanner_of
from stillwatch.signatures.texts import texts_of

ROOT = Path(__file__).resolve().parents[2]
LANES = 64
_U0, _U1, _U63 = U(0), U(1), U(63)


@njit(nogil=True)
def _minima(shingles: Any, n: int, a: Any, b: Any, out: Any) -> None:
    for i in range(0, n, 4):
        s0, s1, s2, s3 = shingles[i], shingles[i + 1], shingles[i + 2], shingles[i + 3]
        for j in range(LANES):
            v0 = np.uint32(np.uint32(a[j] * s0) + b[j])
            v1 = np.uint32(np.uint32(a[j] * s1) + b[j])
            v2 = np.uint32(np.uint32(a[j] * s2) + b[j])
            v3 = np.uint32(np.uint32(a[j] * s3) + b[j])
            out[j] = min(out[j], min(min(v0, v1), min(v2, v3)))


@njit(nogil=True)
def minhash(data: Any, offsets: Any, a: Any, b: Any, low: Any, shingles: Any, out: Any) -> None:
    """64-permutation MinHash of each ASCII text over its word 3-shingles."""
    safe = len(data) - 8
    for r in range(len(offsets) - 1):
        start, length = offsets[r], offsets[r + 1] - offsets[r]
        base, carry, opened, n, p1, p2 = 0, _U0, -1, 0, _U0, _U0
        while base <= length:
            bits = _U0
            for j in range(8):
                at = base + 8 * j
                if at >= length:
                    break
                x = load8(data, min(start + at, safe))
                if length - at < 8:
                    x &= (_U1 << U(8 * (length - at))) - _U1
                x, eight = lowered(x)
                store8(low, at, x)
                bits |= eight << U(8 * j)
            edges = bits ^ ((bits << _U1) | carry)
            carry = bits >> _U63
            while edges != _U0:
                at = base + lowest_bit(edges)
                edges &= edges - _U1
                if opened < 0:
                    opened = at
                    continue
                short = at - opened <= 8
                h = hash_block(load8(low, opened) & tail_mask(at - opened)) if short else hash_bytes(low, opened, at)
                shingles[n] = np.uint32((p2 * U(0x9E3779B97F4A7C15) ^ p1 * U(0xD6E8FEB86659FD93) ^ h) >> U(32))
                p2, p1, opened = p1, h, -1
                n += 1
            base += 64
        for k in range(4):
            shingles[n + k] = shingles[0]
        out[r] = np.uint32(0xFFFFFFFF)
        _minima(shingles, n, a, b, out[r])


def yardstick(column: pa.Array) -> Callable[[], None]:
    """The yardstick over one column, ready to run."""
    texts = texts_of(column)
    rng = np.random.default_rng(1)
    a, b = rng.integers(1, 2**32, (2, LANES), dtype=np.uint32) | np.uint32(1)
    longest = int(np.diff(texts.offsets).max()) + 128
    low, shingles = np.zeros(longest, np.uint8), np.zeros(longest, np.uint32)
    out = np.empty((len(column), LANES), np.uint32)
    return lambda: minhash(texts.data, texts.offsets, a, b, low, shingles, out)


def exchanges(data: Path, n: int, ascii_only: bool) -> pa.RecordBatch:
    """Real prompts of about 600 bytes on average, with plausible metadata around them."""
    rng = np.random.default_rng(1)
    files = sorted((data / "prompts").glob("*/*.parquet"))
    prompts = [t for f in files for t in pq.read_table(f, columns=["prompt"])["prompt"].to_pylist()]
    if ascii_only:
        prompts = [t for t in prompts if t.isascii()]
    account = (n * rng.beta(0.5, 4, n)).astype(int) // 3
    columns = {
        "exchange_id": [f"req-{i:012d}" for i in range(n)],
        "seen_at": pa.array(np.arange(n) * 1_000, pa.timestamp("us", tz="UTC")),
        "account_id": [f"acct-{k:08d}" for k in account],
        "org_id": [f"org-{k // 3}" for k in account],
        "session_id": [f"sess-{k}-{i % 3}" for i, k in enumerate(account)],
        "payment_id": [f"card-{k}" for k in account],
        "ip": [f"10.{k % 250}.{k // 250 % 250}.{i % 4}" for i, k in enumerate(account)],
        "user_agent": [("sdk-python/1.52", "curl/8.1", "web/2")[k % 3] for k in account],
        "model": ["model-a"] * n,
        "temperature": pa.array(rng.choice([0.0, 0.7, 1.0], n)),
        "max_tokens": pa.array(rng.choice([256, 1024], n).astype(np.int32)),
        "prompt": [prompts[i] for i in rng.choice(len(prompts), n, replace=False)],
    }
    return pa.RecordBatch.from_pydict(columns)


def spent(task: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    task()
    return time.process_time() - began


_FIRST = """
import time
import pyarrow as pa
from stillwatch.privacy import Key
from stillwatch.signatures import sign
batch = pa.RecordBatch.from_pydict({"exchange_id": ["a"], "seen_at": pa.array([0], pa.timestamp("us", tz="UTC")),
    "account_id": ["b"], "model": ["m"], "prompt": ["héllo"], "system_prompt": ["be brief"]})
began = time.process_time()
sign(batch, 0, Key(b"benchmark key, not a secret one!"))
print(time.process_time() - began)
"""


def first_call(cache: str) -> float:
    """CPU seconds of the first call in a new process, kernels kept in the folder `cache`."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    told = subprocess.run([sys.executable, "-c", _FIRST], env=environment, capture_output=True, text=True, check=True)
    return round(float(told.stdout), 2)


def main() -> None:
    """Measure and append one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("STILLWATCH_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--rows", type=int, default=50_000)
    options = parser.parse_args()
    key = Key(b"benchmark key, not a secret one!")
    pa.set_cpu_count(1)
    line: dict[str, object] = {
        "rows": options.rows,
    }
    for name, ascii_only in (("ascii", True), ("all", False)):
        batch = exchanges(options.data, options.rows, ascii_only)
        bare = batch.select(["exchange_id", "seen_at", "account_id", "model", "prompt"])
        tasks: dict[str, Callable[[], object]] = {
            "minhash": yardstick(batch["prompt"]),
            "sign": lambda batch=batch: sign(batch, 0, key),  # type: ignore[misc]
            "sign_text": lambda bare=bare: sign(bare, 0, key),  # type: ignore[misc]
        }
        apart = parts(scanner_of(key), batch["prompt"]) if ascii_only else {}
        tasks |= apart
        for task in tasks.values():
            task()
        best = {k: min(spent(task) for _ in range(5)) for k, task in tasks.items()}
        size = sum(len(t) for t in batch["prompt"].cast(pa.binary()).to_pylist())
        line[name] = {
            "bytes_per_prompt": round(size / options.rows),
            "minhash_mb_per_s": round(size / best["minhash"] / 1e6),
            "sign_exchanges_per_s": round(options.rows / best["sign"]),
            "sign_mb_per_s": round(size / best["sign"] / 1e6),
            "sign_over_minhash": round(best["sign"] / best["minhash"], 2),
            "sign_text_over_minhash": round(best["sign_text"] / best["minhash"], 2),
        }
        if apart:
            line["ns_per_byte"] = {part: round(best[part] / size * 1e9, 2) for part in ("minhash", "sign_text", *apart)}
    with tempfile.TemporaryDirectory() as cache:
        line["first_call_s"] = {told: first_call(cache) for told in ("kernels compiled", "kernels from the disk cache")}
    record("speed.signatures", line)
    print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
