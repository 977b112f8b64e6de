"""A labelled mix: ten templates with real fills and word noise, among real chats."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Written for this benchmark; {0} is the slot. Two are deliberately near-equal (0 and 1), two are short (8 and 9).
TEMPLATES = (
    "Solve the following problem. Explain every step of your reasoning before you state the result, and finish with a line that "
    "begins with Answer. Problem: {0}",
    "Solve the following exercise. Show every step of your reasoning before you give the result, and end with a line that "
    "starts with Answer. Exercise: {0}",
    "You are grading the work of an assistant. Read the instruction and judge how helpful an ideal reply would be on a scale "
    "from 1 to 10, then justify the mark in two sentences. Instruction: {0}",
    "{0}\n\nRewrite the request above so that it needs one more constraint and deeper knowledge, keep its topic, and reply with "
    "the rewritten request only.",
    "Generate ten new tasks that resemble this seed but differ in subject, length and wording. Return them as a numbered list "
    "without any comment. Seed: {0}",
    "Translate the text between the marks into formal German and then list the three hardest words with an explanation for "
    "learners. <<< {0} >>>",
    "Act as a careful teacher. A student asks the question below. First write down what you think silently in a thinking part, "
    "then give the reply in a reply part. {0}",
    "Extract every person, place and date from the passage and return an object with the keys people, places and dates, empty "
    "lists where nothing fits. Passage: {0}",
    "Give a two sentence summary for children of this: {0}",
    "{0} Think aloud and check each claim twice before answering.",
)


@dataclass(frozen=True)
class Mix:
    """Exchanges as `sign` takes them, and the template of each row; -1 is a real chat."""

    exchanges: pa.RecordBatch
    label: np.ndarray


def texts(data: Path, name: str, shortest: int, longest: int) -> list[str]:
    """Distinct prompts of one corpus within some length, in stored order."""
    table = pq.read_table(data / "prompts" / f"{name}.parquet", columns=["prompt"])
    return [t for t in dict.fromkeys(table["prompt"].to_pylist()) if shortest <= len(t) <= longest]


def make(data: Path, noise: float, seed: int, per_template: int = 300, accounts: int = 60, chats: int = 6_000) -> Mix:
    """
    Build the mix.

    Args:
        data: The shared corpora.
        noise: Share of template words that each request replaces by a random word, 0…1.
        seed: Everything random.
        per_template: Requests a template.
        accounts: Accounts a template.
        chats: Real chats around them, by accounts of two on average.
    """
    rng = np.random.default_rng(seed)
    fills = texts(data, "harvest/alpaca_en", 80, 900)
    human = texts(data, "human/sharegpt_a", 20, 3000)
    words = np.array(sorted({w for t in human[:2000] for w in t.lower().split() if w.isalpha()}))
    rows: list[tuple[str, str, int]] = []
    for label, template in enumerate(TEMPLATES):
        for i, k in enumerate(rng.choice(len(fills), per_template, replace=False)):
            noisy = [str(rng.choice(words)) if "{0}" not in w and rng.random() < noise else w for w in template.split(" ")]
            rows.append((f"fleet-{label}-{i % accounts}", " ".join(noisy).replace("{0}", fills[k]), label))
    rows += [(f"chat-{rng.integers(chats // 2)}", human[k], -1) for k in rng.choice(len(human), chats, replace=False)]
    order = rng.permutation(len(rows))
    account, prompt, found = zip(*(rows[i] for i in order), strict=True)
    n = len(order)
    times = pa.array(np.arange(n) * 1_000_000, pa.timestamp("us", tz="UTC"))
    columns = {
        "exchange_id": [f"e{i}" for i in range(n)],
        "seen_at": times,
        "account_id": list(account),
        "model": ["m"] * n,
        "prompt": list(prompt),
    }
    return Mix(pa.RecordBatch.from_pydict(columns), np.array(found))


def b_cubed(label: np.ndarray, cluster: np.ndarray) -> tuple[float, float]:
    """
    B-cubed precision and recall over the rows with a label of 0 or more; other rows dilute precision.

    Args:
        label: True template, -1 for a chat.
        cluster: Found recipe; -1 - row for a row alone.

    References:
        Bagga and Baldwin, "Algorithms for scoring coreference chains", 1998.
    """
    judged = label >= 0
    _, cluster = np.unique(cluster, return_inverse=True)
    sizes = np.bincount(cluster)
    both = np.zeros((label.max() + 1, cluster.max() + 1), np.int64)
    np.add.at(both, (label[judged], cluster[judged]), 1)
    same = both[label[judged], cluster[judged]]
    return float(np.mean(same / sizes[cluster[judged]])), float(np.mean(same / np.bincount(label[judged])[label[judged]]))
