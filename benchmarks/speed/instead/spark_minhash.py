"""
Accounts linked by near-equal prompts, as one builds it with Spark's MinHashLSH: LOG OUT.

The similarity join finds pairs of distinct prompts; components are joined on the driver. OUT gets the accounts of components of
at least five.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.ml import Pipeline
from pyspark.ml.feature import HashingTF, MinHashLSH, NGram, RegexTokenizer
from pyspark.sql import SparkSession

JACCARD, SMALLEST, TABLES = 0.5, 5, 5


def root(parents: list[int], x: int) -> int:
    """The smallest member of a set, paths halved on the way."""
    while parents[x] != x:
        parents[x] = parents[parents[x]]
        x = parents[x]
    return x


def main() -> None:
    """Link, join, accuse."""
    table = pq.read_table(sys.argv[1], columns=["account_id", "prompt"])
    senders: dict[str, set[str]] = defaultdict(set)
    for account, prompt in zip(table["account_id"].to_pylist(), table["prompt"].to_pylist(), strict=True):
        if prompt and len(prompt.split()) >= 3:
            senders[prompt].add(account)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "3g")
        .config("spark.ui.enabled", False)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.conf.set("spark.sql.shuffle.partitions", 8)
    rows = spark.createDataFrame(list(enumerate(senders)), "id long, text string")
    words = RegexTokenizer(inputCol="text", outputCol="words", pattern="\\s+")
    stages: list[Any] = [
        words,
        NGram(n=3, inputCol="words", outputCol="grams"),
        HashingTF(inputCol="grams", outputCol="features", binary=True),
    ]
    made = Pipeline(stages=stages).fit(rows).transform(rows).select("id", "features").cache()
    model = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=TABLES, seed=1).fit(made)
    pairs = model.approxSimilarityJoin(made, made, 1 - JACCARD, "apart").where("datasetA.id < datasetB.id")
    parents = list(range(len(senders)))
    for pair in pairs.select("datasetA.id", "datasetB.id").toLocalIterator():
        a, b = root(parents, pair[0]), root(parents, pair[1])
        parents[max(a, b)] = min(a, b)
    java = spark.sparkContext._gateway.proc  # type: ignore[union-attr]  # waited for, so that its CPU counts as ours
    spark.stop()
    java.stdin.close()
    java.wait()
    Path(sys.argv[2]).write_text(json.dumps(sorted(accused(list(senders.values()), parents))), "utf-8")


def accused(senders: list[set[str]], parents: list[int]) -> set[str]:
    """Accounts of components of prompts and their senders that hold at least five."""
    numbers: dict[str, int] = {}
    for accounts in senders:
        for account in accounts:
            numbers.setdefault(account, len(parents) + len(numbers))
    joined = parents + list(range(len(parents), len(parents) + len(numbers)))
    for prompt, accounts in enumerate(senders):
        for account in accounts:
            a, b = root(joined, prompt), root(joined, numbers[account])
            joined[max(a, b)] = min(a, b)
    parts: dict[int, set[str]] = defaultdict(set)
    for account, number in numbers.items():
        parts[root(joined, number)].add(account)
    return {a for part in parts.values() if len(part) >= SMALLEST for a in part}


if __name__ == "__main__":
    main()
