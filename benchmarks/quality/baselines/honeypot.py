"""
honeypotllm over a log, as a program of its own: it is run by the Python of an environment that has this peer and pyarrow.

    PEERS/bin/python benchmarks/quality/baselines/honeypot.py LOG OUT

Its scorer looks at the wall clock, so a log would be over in a second; here it is given the time of each request. OUT gets
one JSON object: `version`, `threshold` (its own), and the highest score of each account.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from honeypotllm import __version__, scoring
from honeypotllm.config import HoneypotConfig


class LogClock:
    """Stands for the module `time`: the moment of the request that is being scored."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.now


def highest(log: pa.Table, config: HoneypotConfig) -> dict[str, float]:
    """The highest score that each account ever had, its requests sent in the order of the log's time."""
    clock = LogClock()
    scoring.time = clock
    scorer = scoring.SuspicionScorer(config.scoring, config.suspicion_threshold)
    best: dict[str, float] = {}
    for row in log.sort_by("seen_at").to_pylist():
        clock.now, account = row["seen_at"].timestamp(), row["account_id"]
        if account not in best:  # its default for a new key is the wall clock, taken when the class was made
            scorer._states[account] = scoring.ScoringState(account, last_seen=clock.now)
        told = scorer.score_request(account, prompt=row["prompt"] or "", input_tokens=row["prompt_tokens"] or 0)
        best[account] = max(best.get(account, 0.0), told.score_after)
    return best


def main() -> None:
    """Score the log named first, write what is named second."""
    config = HoneypotConfig()
    log = pq.read_table(sys.argv[1], columns=["account_id", "seen_at", "prompt", "prompt_tokens"])
    told = {"version": __version__, "threshold": config.suspicion_threshold, "scores": highest(log, config)}
    Path(sys.argv[2]).write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main()
