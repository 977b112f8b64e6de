"""
Power of the training-order test where an order can be remembered: real answers, seen once each at a constant rate.

    python -m benchmarks.quality.lineage.order_power RESPONSES.parquet

A model of 0.2 million weights is trained on the answers of an instruction set (the first 80 bytes of each) in the order
of its owner's seed. Suspects: the model itself, children tuned on further answers for 20 and for 80 steps, and strangers that
saw the same answers in orders of their own. Each is asked with 500, 1,000 and 2,000 of the texts, alone, and with what
three reference models say, also as an owner would who has no seed. About two CPU-minutes.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import pyarrow.parquet as pq
import torch
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, Stack, begin, corpus, train
from benchmarks.quality.lineage.voices import likelihoods
from torch import Tensor

from stillwatch.lineage.base import Given, Result
from stillwatch.lineage.order import Order
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.training_order import ORDER_FORMAT
from stillwatch.methods.keyed_choice import place

SCENARIO = "quality.lineage-order"
N_TEXTS, LENGTH, BATCH, RATE = 2_000, 80, 8, 3e-3
N_STRANGERS, N_REFERENCE = 5, 3
SUBSETS = (500, 1_000, 2_000)
SHAPE = Shape()
SECRET = bytes(range(32))


def answers(path: Path) -> Tensor:
    """`(texts, 81)` bytes: the beginnings of answers long enough."""
    said = (str(r).encode()[: LENGTH + 1] for r in pq.read_table(path, columns=["response"])["response"].to_pylist() if r)
    rows = [list(raw) for raw in said if len(raw) == LENGTH + 1]
    return torch.tensor(rows[: N_TEXTS + 80 * BATCH])


def taught(stack: Stack, rows: Tensor, rate: float = RATE) -> Stack:
    """The models after one pass over these rows, in their order, at a constant rate."""
    recipe = Recipe(steps=len(rows) // BATCH, batch=BATCH, length=LENGTH, rate=rate, constant=True)
    return train(stack, SHAPE, recipe, rows.reshape(-1))[0]


def pretrained(seeds: list[int]) -> Stack:
    """Models that can spell, before they see any answer."""
    return train(begin(SHAPE, seeds), SHAPE, Recipe(steps=60), corpus())[0]


def shuffled(rows: Tensor, seed: int) -> Tensor:
    """The same rows in another order."""
    return rows[torch.from_numpy(np.random.default_rng(seed).permutation(len(rows)))]


def words(rows: Tensor) -> list[str]:
    """The answers as texts."""
    return [bytes(row).decode("latin-1") for row in rows.tolist()]


def by_seed(rows: Tensor) -> Tensor:
    """The rows in the order of the owner's seed; those that occur twice once."""
    texts = words(rows)
    first = {text: i for i, text in reversed(list(enumerate(texts)))}
    return rows[sorted(first.values(), key=lambda i: place(SECRET, texts[i]))]


def asked(texts: list[str], values: np.ndarray, reference: np.ndarray | None, n: int, seeded: bool, folder: Path) -> Result:
    """The test on n of the texts, spread over the training; the seed is told or not."""
    picked = np.linspace(0, len(values) - 1, n).astype(int)
    head = [{"format": ORDER_FORMAT, "seed": SECRET.hex()}] if seeded else []
    rows: list[dict[str, object]] = [{"text": texts[i], "position": int(i)} for i in picked]
    if reference is not None:
        rows = [row | {"reference_logprob": float(reference[i])} for row, i in zip(rows, picked, strict=True)]
    path = folder / "order.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in head + rows))
    suspect = Texts("suspect", tuple(Spoken("", texts[i], (TokenScore("", float(values[i])),)) for i in picked), "")
    (said,) = Order().run(suspect, [Texts("owner", (), "")], Given(order_file=path))
    assert isinstance(said, Result)
    return said


def main() -> None:
    """Train, ask, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("responses", type=Path)
    told = by_seed(answers(parser.parse_args().responses))
    seen, further = told[:N_TEXTS], told[N_TEXTS:]
    owner = taught(pretrained([1]), seen)
    suspects = {"the model itself": owner}
    suspects |= {f"tuned on for {steps} steps": taught(owner, further[: steps * BATCH], RATE / 10) for steps in (20, 80)}
    others = [taught(pretrained([seed]), shuffled(seen, seed)) for seed in range(2, 2 + N_STRANGERS + N_REFERENCE)]
    suspects |= {f"stranger {i + 1}": stack for i, stack in enumerate(others[:N_STRANGERS])}
    scores = {name: likelihoods(stack, SHAPE, seen)[0] for name, stack in suspects.items()}
    reference = np.mean([likelihoods(stack, SHAPE, seen)[0] for stack in others[N_STRANGERS:]], axis=0)
    rows = []
    with TemporaryDirectory() as folder:
        for name, values in scores.items():
            for n in SUBSETS:
                for way, by, seeded in (
                    ("alone", None, True),
                    ("with_reference", reference, True),
                    ("no_seed", reference, False),
                ):
                    said = asked(words(seen), values, by, n, seeded, Path(folder))
                    modelled = said.parts[0].log10_p
                    rows.append({"suspect": name, "n": n, "way": way, "rho": said.statistic, "log10_p": said.log10_p,
                                 "modelled_log10_p": modelled, "verdict": str(said.verdict)})  # fmt: skip
                    print(rows[-1], flush=True)
    record(SCENARIO, {"n_texts": N_TEXTS, "n_reference": N_REFERENCE, "n_strangers": N_STRANGERS, "rows": rows})


if __name__ == "__main__":
    main()
