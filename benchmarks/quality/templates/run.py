"""
Do recipes and families find the templates? Run: `python -m benchmarks.quality.templates.run`.

One line is appended to benchmarks/results/quality.templates.jsonl.

Also measured here, since defaults of `TemplateSettings` and methods/semantic.py stand on it: how far majorities of S4 of variants
and of strangers are apart, and how a word's length tells its document frequency.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.quality.templates.mix import Mix, b_cubed, make, texts
from benchmarks.record import record

from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.methods.nearness import Signs, majorities
from stillwatch.privacy import Key
from stillwatch.records.tables import SIGNATURES
from stillwatch.settings import EngineSettings, TemplateSettings
from stillwatch.signatures import sign
from stillwatch.templates import mine

ROOT = Path(__file__).resolve().parents[3]
NOISE = (0.0, 0.1, 0.3)
SEEDS = (1, 2, 3)
_FOUND = """
SELECT u.row, r.recipe, r.family FROM uses u JOIN recipes r ON u.recipe = r.recipe
ORDER BY u.row, u.matched DESC, r.recipe
"""


def codes(values: list[str]) -> npt.NDArray[np.int64]:
    """Equal strings as equal numbers."""
    return np.unique(np.array(values, dtype=object), return_inverse=True)[1].astype(np.int64)


def clusters(mix: Mix) -> tuple[dict[str, npt.NDArray[np.int64]], dict[str, list[float]]]:
    """Cluster of each row by method, and quantiles of the distance between majorities of recipes of one and of two templates."""
    prompts = mix.exchanges["prompt"].to_pylist()
    alone = -1 - np.arange(len(prompts))
    found = {"recipe": alone.copy(), "family": alone.copy()}
    with tempfile.TemporaryDirectory() as folder, DuckDBEngine(Path(folder), EngineSettings(workers=1, memory_gb=1)) as engine:
        signed = sign(mix.exchanges, 0, Key(b"benchmark key, not a secret one!"))
        engine.write(SIGNATURES, signed)
        mine(engine, TemplateSettings())
        told = engine.query(_FOUND)
    rows, first = np.unique(told["row"].to_numpy(), return_index=True)
    for name in found:
        found[name][rows] = told[name].to_numpy()[first]
    found["exact text"] = codes(prompts)
    found["first eight words"] = codes([" ".join(p.lower().split()[:8]) for p in prompts])
    halves = [signed[c].to_numpy().view(np.uint64) for c in ("semantic_hi", "semantic_lo")]
    return found, distances(mix.label, told["row"].to_numpy(), told["recipe"].to_numpy(), *halves)


def distances(
    label: npt.NDArray[np.int64], row: npt.NDArray[np.int64], recipe: npt.NDArray[np.int64],
    high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64],
) -> dict[str, list[float]]:  # fmt: skip
    """Hamming distances between majorities of recipes that are mostly of one template: 1, 50, 90 and 99 %."""
    _, number = np.unique(recipe, return_inverse=True)
    signs = Signs(number.max() + 1)
    signs.add(high[row], low[row], number)
    mid_high, mid_low = majorities(signs.totals())
    owner = np.full(number.max() + 1, -1)
    for k in range(len(owner)):
        values, counts = np.unique(label[row[number == k]], return_counts=True)
        if counts.max() > 0.7 * counts.sum():
            owner[k] = values[counts.argmax()]
    apart = np.bitwise_count(mid_high[:, None] ^ mid_high) + np.bitwise_count(mid_low[:, None] ^ mid_low)
    both = (owner[:, None] >= 0) & (owner >= 0) & ~np.eye(len(owner), dtype=bool)
    # 0 and 1 are near-equal on purpose, hence one template here
    same = np.maximum(owner[:, None], 1) == np.maximum(owner, 1)
    return {
        name: [float(q) for q in np.quantile(apart[chosen], (0.01, 0.5, 0.9, 0.99))]
        for name, chosen in (("variants", both & same), ("strangers", both & ~same))
        if chosen.any()
    }


def idf_by_letters(data: Path) -> list[float]:
    """Mean log2 inverse document frequency of word occurrences with 1…9 letters in real chats."""
    documents = [t.lower().split() for t in texts(data, "human/sharegpt_a", 20, 3000)[:20_000]]
    frequency: dict[str, int] = {}
    for document in documents:
        for word in set(document):
            frequency[word] = frequency.get(word, 0) + 1
    sums, counts = np.zeros(10), np.zeros(10)
    for document in documents:
        for word in document:
            if word.isalpha() and len(word) < 10:
                sums[len(word)] += np.log2(len(documents) / frequency[word])
                counts[len(word)] += 1
    return [round(float(v), 2) for v in (sums / np.maximum(counts, 1))[1:]]


def main() -> None:
    """Measure every noise level over the seeds and append one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("STILLWATCH_DATA", ROOT.parent / "shared/data")))
    options = parser.parse_args()
    line: dict[str, object] = {
        "seeds": SEEDS,
        "idf_bits_by_letters": idf_by_letters(options.data),
    }
    for noise in NOISE:
        scores: dict[str, list[tuple[float, float]]] = {}
        for seed in SEEDS:
            mix = make(options.data, noise, seed)
            found, apart = clusters(mix)
            for name, cluster in found.items():
                scores.setdefault(name, []).append(b_cubed(mix.label, cluster))
        line[f"noise {noise}"] = {
            "n_templated": int((mix.label >= 0).sum()),
            "n_chats": int((mix.label < 0).sum()),
            "distance_of_majorities_q01_q50_q90_q99": apart,
        } | {name: told(values) for name, values in scores.items()}
    record("quality.templates", line)
    print(json.dumps(line, indent=1))


def told(values: list[tuple[float, float]]) -> dict[str, float]:
    """Means over the seeds, with the half width of the 95 % interval (Student, two degrees of freedom)."""
    mean, half = np.mean(values, axis=0), 4.303 * np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
    return {
        "precision": round(float(mean[0]), 3),
        "precision_ci95": round(float(half[0]), 3),
        "recall": round(float(mean[1]), 3),
        "recall_ci95": round(float(half[1]), 3),
    }


if __name__ == "__main__":
    main()
