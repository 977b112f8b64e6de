"""
Train, quantise and score the elicitation prior (S7). Run: `python -m benchmarks.quality.elicitation.train [--write]`.

With `--write` the weights replace src/stillwatch/signatures/elicitation.npz; the same corpora and seed give the same bytes.
"""

import argparse
import json
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from benchmarks.quality.elicitation.wordings import WORDINGS
from benchmarks.record import record
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from stillwatch.methods.elicitation import BUCKETS, LANES, MAX_WORDS, buckets_of
from stillwatch.methods.hashing import U
from stillwatch.methods.words import any_words, character_classes

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "src/stillwatch/signatures/elicitation.npz"
CLASSES = tuple(WORDINGS)
SEED = 1
MOST = 1_500  # texts a source and half: no source outshouts the others
PER_WORDING = 60
L2 = 1e-6  # of 1e-7, 1e-6, 1e-5, 3e-5, 1e-4: best mean recall on wordings it never saw, see results
REAL = {
    "harvest/orca_flan_cot": "chain_of_thought",
    "harvest/ultrafeedback_judge": "rubric_grading",
    "harvest/selfinstruct_meta": "self_instruct",
    "harvest/evol_meta": "self_instruct",
    "harvest/camel_tasks": "self_instruct",
    "harvest/gpteacher_toolformer": "tool_traces",
}
# The same behaviour with a licit purpose: neither a positive nor a negative of its class, and reported apart
LICIT = {
    "automated/alpaca_eval_judge": "rubric_grading",
    "automated/openhands_agent": "tool_traces",
    "automated/tau_bench_agent": "tool_traces",
}


@dataclass(frozen=True)
class Text:
    """One exchange's texts, what it elicits (None: nothing of the five), and where it comes from."""

    system: str | None
    prompt: str
    elicits: str | None
    source: str


def load(data: Path) -> tuple[list[Text], list[Text]]:
    """The two halves, train and test: rows by turns, wordings by turns, fills disjoint."""
    rng = np.random.default_rng(SEED)
    halves: tuple[list[Text], list[Text]] = ([], [])
    for file in sorted((data / "prompts").glob("*/*.parquet")):
        name = f"{file.parent.name}/{file.stem}"
        table = pq.read_table(file, columns=["system_prompt", "prompt"])
        rows = rng.permutation(table.num_rows)
        for half in (0, 1):
            for i in rows[half::2][:MOST]:
                system, prompt = table["system_prompt"][int(i)].as_py(), table["prompt"][int(i)].as_py()
                halves[half].append(Text(system, prompt, REAL.get(name), name))
    fills = pq.read_table(data / "prompts/harvest/alpaca_en.parquet", columns=["prompt"])["prompt"].to_pylist()
    for name, wordings in WORDINGS.items():
        for k, wording in enumerate(wordings):
            chosen = rng.choice(np.arange(k % 2, len(fills), 2), PER_WORDING, replace=False)
            halves[k % 2].extend(Text(None, wording.replace("{0}", fills[i]), name, "written") for i in chosen)
    return halves


def features(texts: list[Text]) -> csr_matrix:
    """Rows as `elicitation.add_logits` sees them: counts over the root of their number."""
    found, out = np.empty(2 * MAX_WORDS, np.int32), []
    for text in texts:
        parts = [found[: _buckets(t, found)].copy() for t in (text.system, text.prompt) if t]
        out.append(np.concatenate(parts) if parts else np.empty(0, np.int32))
    sizes = np.array([len(row) for row in out])
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return csr_matrix((values, np.concatenate(out), starts), shape=(len(out), BUCKETS))


def _buckets(text: str, found: npt.NDArray[np.int32]) -> int:
    raw = np.frombuffer(unicodedata.normalize("NFKC", text).lower().encode(), np.uint8)
    scratch = (*(np.empty(len(raw) + 2, np.uint64) for _ in range(3)), np.empty(len(raw) + 2, np.uint8))
    low = np.zeros(2 * len(raw) + 160, np.uint8)
    n, _, _ = any_words(raw, 0, len(raw), low, character_classes(), scratch, 0, U(1))
    return int(buckets_of(scratch[0], n, found))


def fit(x: csr_matrix, y: npt.NDArray[np.bool_], written: npt.NDArray[np.bool_], l2: float) -> npt.NDArray[np.float64]:
    """
    Weights and bias of a logistic regression with an L2 penalty.

    Positives weigh half of all, and of that the written wordings half: a real source is one template many times over.
    """
    sign = np.where(y, 1.0, -1.0)
    share = np.where(y, 0.25, 0.5 / (~y).sum())
    for part in (y & written, y & ~written):
        share[part] /= max(part.sum(), 1)

    def loss(w: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margin = sign * (x @ w[:-1] + w[-1])
        slope = -sign * share / (1 + np.exp(np.clip(margin, -500, 500)))
        value = share @ np.logaddexp(0, -margin) + l2 * (w[:-1] @ w[:-1])
        return float(value), np.append(x.T @ slope + 2 * l2 * w[:-1], slope.sum())

    return minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x


def auc(score: npt.NDArray[np.float64], y: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counted half."""
    order = np.sort(score[~y])
    below = np.searchsorted(order, score[y], "left") + np.searchsorted(order, score[y], "right")
    return float(below.mean() / (2 * (~y).sum()))


def main() -> None:
    """Train, write where asked, and append one line of results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("STILLWATCH_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--l2", type=float, default=L2)
    options = parser.parse_args()
    train, test = load(options.data)
    x, unseen = features(train), features(test)
    written = np.array([t.source == "written" for t in train])
    weights, biases = np.zeros((BUCKETS, LANES)), np.zeros(5)
    for c, name in enumerate(CLASSES):
        usable = np.array([LICIT.get(t.source) != name for t in train])
        found = fit(x[usable], np.array([t.elicits == name for t in train])[usable], written[usable], options.l2)
        weights[:, c], biases[c] = found[:-1], found[-1]
    scale = float(np.abs(weights).max() / 127)
    whole = np.round(weights / scale).astype(np.int8)
    if options.write:
        np.savez_compressed(SHIPPED, weights=whole, biases=biases, scale=np.float64(scale))
    logits = unseen @ (whole[:, :5] * scale) + biases
    line = {
        "seed": SEED,
        "l2": options.l2,
        "n_train": len(train),
        "n_test": len(test),
        "classes": {name: score(logits[:, c], test, name) for c, name in enumerate(CLASSES)},
    }
    record("quality.elicitation", line)
    print(json.dumps(line, indent=1))


def score(logit: npt.NDArray[np.float64], test: list[Text], name: str) -> dict[str, object]:
    """Of one class on the test half: real harvest and unseen wordings apart, against human and automated texts."""
    kind = np.array([t.source.split("/")[0] for t in test])
    positive = np.array([t.elicits == name for t in test])
    licit = np.array([LICIT.get(t.source) == name for t in test])
    benign = np.isin(kind, ["human", "automated"]) & ~licit
    told: dict[str, object] = {"n_benign": int(benign.sum())}
    limit = float(np.quantile(logit[benign], 0.99))
    for label, chosen in (("real", positive & (kind == "harvest")), ("unseen_wordings", positive & (kind == "written"))):
        if chosen.any():
            both = chosen | benign
            hit = float((logit[chosen] > limit).mean())
            half = 1.96 * float(np.sqrt(hit * (1 - hit) / chosen.sum()))
            told[label] = {
                "n": int(chosen.sum()),
                "auc": round(auc(logit[both], chosen[both]), 4),
                "recall_at_1_percent_fpr": round(hit, 3),
                "ci95": round(half, 3),
            }
    if licit.any():
        told["licit_above_limit"] = round(float((logit[licit] > limit).mean()), 3)
    told["limit_logit"] = round(limit, 2)
    return told


if __name__ == "__main__":
    main()
