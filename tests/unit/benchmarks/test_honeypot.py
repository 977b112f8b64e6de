"""The peer in the time of a log."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

pytest.importorskip("honeypotllm", reason="the group quality-peers is not installed")

from benchmarks.quality.baselines.honeypot import highest
from honeypotllm.config import HoneypotConfig

START = datetime(2026, 3, 2, tzinfo=UTC)


def test_the_peer_sees_the_time_of_the_log() -> None:
    """Sixty requests within a minute are fast and alike; the same sixty over sixty days are neither to a scorer of pauses."""
    rows = [("fast", START + timedelta(milliseconds=100 * n)) for n in range(60)]
    rows += [("slow", START + timedelta(days=n)) for n in range(60)]
    accounts, times = zip(*rows, strict=True)
    log = pa.table(
        {
            "account_id": accounts,
            "seen_at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "prompt": [f"{a} asks something {n} else {n * 7}" for n, a in enumerate(accounts)],
            "prompt_tokens": [9] * len(rows),
        }
    )

    best = highest(log, HoneypotConfig())

    assert best["fast"] == 1.0
    assert best["slow"] < 0.5
