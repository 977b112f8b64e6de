"""
Accounts linked by near-equal prompts, as one builds it with datasketch and networkx: LOG OUT.

Run by the Python of an environment with datasketch, networkx and pyarrow; OUT gets the accounts of components of at least five.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import networkx as nx
import pyarrow.parquet as pq
from datasketch import MinHash, MinHashLSH

JACCARD, SMALLEST = 0.5, 5


def shingles(text: str) -> list[bytes]:
    """Word 3-shingles."""
    words = text.lower().split()
    return [" ".join(words[i : i + 3]).encode() for i in range(max(1, len(words) - 2))]


def main() -> None:
    """Link, join, accuse."""
    table = pq.read_table(sys.argv[1], columns=["account_id", "prompt"])
    senders: dict[str, set[str]] = defaultdict(set)
    for account, prompt in zip(table["account_id"].to_pylist(), table["prompt"].to_pylist(), strict=True):
        if prompt:
            senders[prompt].add(account)
    index, graph = MinHashLSH(JACCARD, 128), nx.Graph()
    sketches = MinHash.bulk([shingles(prompt) for prompt in senders], num_perm=128)
    for number, (accounts, sketch) in enumerate(zip(senders.values(), sketches, strict=True)):
        nx.add_path(graph, [("prompt", number), *accounts])
        for other in index.query(sketch):
            graph.add_edge(("prompt", number), ("prompt", other))
        index.insert(number, sketch)
    components = ({n for n in part if isinstance(n, str)} for part in nx.connected_components(graph))
    Path(sys.argv[2]).write_text(json.dumps(sorted(a for part in components if len(part) >= SMALLEST for a in part)), "utf-8")


if __name__ == "__main__":
    main()
