"""
Orders that nobody shuffled, and shuffles that no seed proves, put to the order test with strangers as suspects.

    python -m benchmarks.quality.lineage.unshuffled MODELS [--seeds FIRST]

46 tiny Llamas of one recipe score texts of 24 to 65 bytes: of the library they were trained on, and of a mixture of three
sources (code, English prose, code tables). Each is asked about orders that follow the texts in many ways, several owners of each;
no call is right. Beside, what the same orders would have called without the guard, on likelihoods as they are. Shuffled orders
tell what the guard costs honest owners.
"""

import argparse
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import torch
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.strangers import N_MODELS, called, trained
from benchmarks.quality.lineage.tiny import Recipe, Shape, Stack, corpus, forward
from benchmarks.quality.lineage.voices import stack_of
from torch.nn import functional

from stillwatch.lineage.base import Given, Result
from stillwatch.lineage.order import Order
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.methods.rank_order import spearman, spearman_log10_p

SCENARIO = "quality.lineage-unshuffled"
N_TEXTS, ROW, SHORTEST = 600, 65, 24
N_OWNERS, N_JUDGES = 1, 5
LEVEL = -5.0
OWNER = Texts("owner", (), "")


@dataclass(frozen=True)
class Shelf:
    """Texts with the likelihood that each model gives them, `(models, texts)`, and the source of each."""

    texts: tuple[str, ...]
    likelihoods: np.ndarray
    source: np.ndarray


def rows_of(raw: bytes, n: int) -> np.ndarray:
    """`(n, 65)` bytes, spread over a source."""
    cut = np.frombuffer(raw, dtype=np.uint8)[: len(raw) // ROW * ROW].reshape(-1, ROW).astype(np.int64)
    return cut[:: max(1, len(cut) // n)][:n]


def shelf(stack: Stack, rows: np.ndarray, source: np.ndarray, seed: int) -> Shelf:
    """The rows, each cut to a length of its own, as the models find them; texts that occur twice stand once."""
    sizes = np.random.default_rng(seed).integers(SHORTEST, ROW + 1, len(rows))
    parts = []
    with torch.no_grad():
        for some in torch.from_numpy(rows).split(64):
            logits = functional.log_softmax(forward(stack, Shape(), some[:, :-1]), -1)
            parts.append(logits.gather(-1, some[:, 1:].expand(len(logits), -1, -1)[..., None])[..., 0])
    inside = np.arange(1, ROW)[None] < sizes[:, None]
    means = (torch.cat(parts, 1).double().numpy() * inside).sum(-1) / inside.sum(-1)
    texts = [bytes(row[:size].astype(np.uint8)).decode("latin-1") for row, size in zip(rows, sizes, strict=True)]
    kept = sorted({text: i for i, text in reversed(list(enumerate(texts)))}.values())
    return Shelf(tuple(texts[i] for i in kept), means[:, kept], source[kept])


def shelves(stack: Stack) -> tuple[Shelf, Shelf]:
    """What the models were trained on, front to back; and three sources."""
    recipe, library = Recipe(), Path(sysconfig.get_paths()["stdlib"])
    seen = corpus().numpy()[: recipe.steps * recipe.batch * ROW].astype(np.uint8).tobytes()
    prose = (library / "pydoc_data" / "topics.py").read_bytes()[4_000:]
    tables = b"".join(path.read_bytes()[6_000:12_000] for path in sorted((library / "encodings").glob("cp*.py")))
    some = (rows_of(tables, N_TEXTS // 4), rows_of(prose, N_TEXTS // 4), rows_of(seen, N_TEXTS // 2))
    source = np.repeat(np.arange(3), [len(rows) for rows in some])
    one = rows_of(seen, N_TEXTS)
    return shelf(stack, one, np.zeros(len(one), dtype=int), 1), shelf(stack, np.concatenate(some), source, 2)


def orders(one: Shelf, three: Shelf, rng: np.random.Generator) -> Iterator[tuple[str, Shelf, np.ndarray]]:
    """Ways in which an order comes about: name, texts, places."""
    n, i = len(one.texts), np.arange(len(one.texts))
    size = np.array([len(text) for text in one.texts])
    ease = one.likelihoods[rng.choice(len(one.likelihoods), N_JUDGES, replace=False)].mean(axis=0)
    ease = (ease - ease.mean()) / ease.std()
    yield "front to back, as all were trained", one, i
    yield "front to back, shuffled in windows of a tenth", one, i + 0.1 * n * rng.random(n)
    yield "front to back, shuffled in windows of a half", one, i + 0.5 * n * rng.random(n)
    yield "short to long", one, size + rng.random(n)
    yield "long to short, in buckets", one, rng.random(n) - size // 10
    yield "alphabetical", one, np.argsort(np.argsort(np.array(one.texts)))
    yield "hard to easy", one, ease
    for share in (0.5, 0.3, 0.2, 0.1):
        noise = rng.standard_normal(n)
        yield f"hard to easy, correlation {share:g}", one, share * ease + np.sqrt(1 - share**2) * noise
    level = np.array([three.likelihoods[:, three.source == k].mean() for k in range(3)])
    rank, noise = np.argsort(np.argsort(level))[three.source], rng.random(len(three.texts))
    yield "three data sets, the hard first", three, rank + 0.9 * noise
    yield "three data sets, the hard last", three, 0.9 * noise - rank
    yield "three data sets whose shares drift", three, rank + 4 * noise
    yield "shuffled", one, rng.permutation(n)
    yield "three data sets, shuffled", three, rng.permutation(len(three.texts))


def asked(held: Shelf, places: np.ndarray, folder: Path) -> Iterator[tuple[Result, bool]]:
    """The test on every model, and whether likelihoods as they are would reject at 1e-5 (by Student's t)."""
    path = folder / "order.jsonl"
    rows = ({"text": text, "position": float(at)} for text, at in zip(held.texts, places, strict=True))
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    for values in held.likelihoods:
        lines = (Spoken("", t, (TokenScore("", float(v)),)) for t, v in zip(held.texts, values, strict=True))
        (said,) = Order().run(Texts("stranger", tuple(lines), ""), [OWNER], Given(order_file=path))
        assert isinstance(said, Result)
        yield said, spearman_log10_p(spearman(values, np.asarray(places, dtype=np.float64)), len(values)) <= LEVEL


def main() -> None:
    """Ask, count, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("--seeds", type=int, default=4100, help="First of the 46 seeds that are asked.")
    told = parser.parse_args()
    seeds = range(told.seeds, told.seeds + N_MODELS)
    trained(seeds, told.models)
    one, three = shelves(stack_of([told.models / str(seed) for seed in seeds]))
    rows: dict[str, Counter[str]] = {}
    with TemporaryDirectory() as scratch:
        for owner in range(N_OWNERS):
            for name, held, places in orders(one, three, np.random.default_rng([6, owner])):
                count = rows.setdefault(name, Counter())
                for said, bare in asked(held, places, Path(scratch)):
                    count.update(asked=1, called=called(said), sent_back=said.log10_p is None, unguarded=bare)
                print(name, dict(count), flush=True)
    record(SCENARIO, {"seeds": [seeds.start, seeds.stop - 1], "n_texts": [len(one.texts), len(three.texts)], "n_owners": N_OWNERS,
                      "rows": [{"order": name, **count} for name, count in rows.items()]})  # fmt: skip


if __name__ == "__main__":
    main()
