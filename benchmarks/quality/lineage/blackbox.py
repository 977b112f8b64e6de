"""
Power of the black-box tests on models made here: what a child shows, and what strangers of the same recipe and data show.

    python -m benchmarks.quality.lineage.blackbox MODELS

Logits: a fine-tuned child and strangers against the base's output head. Order: a base trained in the order of a seed, its
fine-tuned child, and strangers that saw the same text in another order; ten more of these are the reference that says how
likely any model finds a text. Keyed: a word model whose gateway preferred green words,
and students trained on a share of its text. About five CPU-minutes.
"""

import argparse
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import torch
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, Stack, begin, corpus, forward, one, save, train
from benchmarks.quality.lineage.voices import likelihoods
from torch import Tensor
from torch.nn import functional

from stillwatch.lineage.base import Given, Result
from stillwatch.lineage.logits import OutputSubspace
from stillwatch.lineage.order import Order
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.text_keyed import TextKeyed
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.training_order import ORDER_FORMAT
from stillwatch.lineage.vocabulary import byte_alphabet
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.methods.keyed_choice import is_green, place

SCENARIO = "quality.lineage-blackbox"
SHAPE, RECIPE = Shape(), Recipe()
TUNE = Recipe(steps=60, rate=5e-4, offset=3_000_000)
N_STRANGERS, N_REFERENCE = 19, 10
SECRET = bytes(range(32))
SHARES = (1.0, 0.5, 0.25, 0.05, 0.0)
STRENGTHS = (0.3, 0.6)
BASE = Texts("base", (), "")


def shuffled(text: Tensor, seed: int) -> Tensor:
    """The corpus's first training windows, in a random order."""
    window = RECIPE.batch * (RECIPE.length + 1)
    chunks = text[: RECIPE.steps * window].view(RECIPE.steps * RECIPE.batch, RECIPE.length + 1)
    draw = torch.Generator().manual_seed(seed)
    return chunks[torch.randperm(len(chunks), generator=draw)].reshape(-1)


def by_seed(text: Tensor) -> Tensor:
    """The same windows in the order of the owner's seed, `(windows, 65)`; those that occur twice once."""
    rows = shuffled(text, 1).view(-1, RECIPE.length + 1)
    texts = words(rows)
    first = {name: i for i, name in reversed(list(enumerate(texts)))}
    return rows[sorted(first.values(), key=lambda i: place(SECRET, texts[i]))]


def words(rows: Tensor) -> list[str]:
    """Windows as texts."""
    return [bytes(row).decode("latin-1") for row in rows.tolist()]


def models(text: Tensor, folder: Path) -> tuple[Stack, Stack, Stack]:
    """A base trained in a known order, its fine-tuned child, and strangers that saw another order each; kept in a folder."""
    base = kept(folder / "blackbox-base.npz", lambda: train(begin(SHAPE, [1]), SHAPE, RECIPE, by_seed(text).reshape(-1))[0])
    child = kept(folder / "blackbox-child.npz", lambda: train(base, SHAPE, TUNE, text)[0])
    strangers = [
        kept(folder / f"blackbox-{seed}.npz", partial(stranger, text, seed))
        for seed in range(100, 100 + N_STRANGERS + N_REFERENCE)
    ]
    return base, child, {name: torch.cat([s[name] for s in strangers]) for name in base}


def stranger(text: Tensor, seed: int) -> Stack:
    """A model of another seed that saw the same text in another order."""
    return train(begin(SHAPE, [seed]), SHAPE, RECIPE, shuffled(text, seed))[0]


def kept(path: Path, make: Callable[[], Stack]) -> Stack:
    """A stack of models from its file, made where it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{name: w.numpy() for name, w in make().items()})
    with np.load(path) as held:
        return {name: torch.from_numpy(held[name]) for name in held}


def logits_power(base: Stack, child: Stack, strangers: Stack, text: Tensor, folder: Path) -> dict[str, float]:
    """Residual energy outside the base's head, of child and strangers, over 16 places of fresh text."""
    held = checkpoint(base, folder)
    prompts = text[-16 * 64 :].view(16, 64)
    left = [residual(spoken(forward(child, SHAPE, prompts)[0, :, -1]), held)]
    left += [residual(spoken(row[:, -1]), held) for row in forward(strangers, SHAPE, prompts)[:N_STRANGERS]]
    return {"child": left[0], "strangers_smallest": min(left[1:]), "strangers_median": float(np.median(left[1:]))}


def checkpoint(stack: Stack, folder: Path) -> Weights:
    """The base on disk, with a vocabulary of bytes."""
    place = save(one(stack, 0), SHAPE, folder)
    words = dict(byte_alphabet().items())
    (place / "tokenizer.json").write_bytes(orjson.dumps({"model": {"type": "BPE", "vocab": words, "merges": []}}))
    return open_weights(place, "base")


def spoken(logits: Tensor) -> Texts:
    """All log-probabilities of each position, as an endpoint would show them."""
    lines = []
    for i, row in enumerate(functional.log_softmax(logits.double(), -1).numpy()):
        ids = np.argsort(-row)
        lines.append(Spoken(f"p{i}", "", (TokenScore("", float(row[ids[0]]), (), row[ids], tuple(map(int, ids))),)))
    return Texts("suspect", tuple(lines), "")


def residual(suspect: Texts, base: Weights) -> float:
    """The test's statistic."""
    (said,) = OutputSubspace().run(suspect, [base], Given())
    assert isinstance(said, Result)
    assert said.statistic is not None
    return said.statistic


def order_power(base: Stack, child: Stack, strangers: Stack, text: Tensor, folder: Path) -> dict[str, float]:
    """Spearman's correlation and p of base, child and strangers against the base's training order."""
    rows = by_seed(text)
    everybody = {name: torch.cat([base[name], child[name], strangers[name]]) for name in base}
    scores = likelihoods(everybody, SHAPE, rows)
    path, named = folder / "order.jsonl", words(rows)
    head = orjson.dumps({"format": ORDER_FORMAT, "seed": SECRET.hex()}) + b"\n"
    told: dict[str, float] = {"texts": float(len(rows))}
    for label, reference in {"alone": None, "with_reference": scores[2 + N_STRANGERS :].mean(axis=0)}.items():
        more = [{} for _ in named] if reference is None else [{"reference_logprob": float(r)} for r in reference]
        lines = [head, *(orjson.dumps({"text": n, "position": i} | more[i]) + b"\n" for i, n in enumerate(named))]
        path.write_bytes(b"".join(lines))
        said = [_order(score, named, path) for score in scores[: 2 + N_STRANGERS]]
        told |= {f"base_rho_{label}": said[0].statistic or 0.0, f"base_log10_p_{label}": said[0].log10_p or 0.0}
        told |= {f"child_rho_{label}": said[1].statistic or 0.0, f"child_log10_p_{label}": said[1].log10_p or 0.0}
        told |= {f"strangers_smallest_p_{label}": min(10.0 ** (r.log10_p or 0.0) for r in said[2:])}
    return told


def _order(score: np.ndarray, named: list[str], path: Path) -> Result:
    lines = tuple(Spoken("", n, (TokenScore("", float(v)),)) for n, v in zip(named, score, strict=True))
    (said,) = Order().run(Texts("suspect", lines, ""), [BASE], Given(order_file=path))
    assert isinstance(said, Result)
    return said


def keyed_power(folder: Path) -> list[dict[str, float]]:
    """p of students trained on a share of marked text: 45,000 words of training, 30,000 words of the student tested."""
    path = folder / "key.json"
    tree = {"format": "stillwatch.lineage.key/1", "secret": SECRET.hex(), "green_list": {"words": 2, "share": 0.5}}
    path.write_bytes(orjson.dumps(tree))
    words = corpus().numpy().astype(np.uint8).tobytes().decode("utf-8", "replace").lower().split()
    words = [w for w in words if w.isalpha()]
    rows = []
    for strength in STRENGTHS:
        marked = say(follow(words[:200_000]), 45_000, strength, 1)
        for share in SHARES:
            cut = int(share * len(marked))
            student = follow(marked[:cut] + words[200_000 : 200_000 + len(marked) - cut])
            text = " ".join(say(student, 30_000, 0.0, 2))
            (said,) = TextKeyed().run(Texts("s", (Spoken("p", text),), ""), [BASE], Given(key_file=path))
            assert isinstance(said, Result)
            assert said.statistic is not None
            assert said.null_mean is not None
            assert said.null_sd is not None
            z = (said.statistic - said.null_mean) / said.null_sd
            rows.append({"strength": strength, "share": share, "n": said.n, "z": z, "log10_p": said.log10_p or 0.0})
    return rows


def follow(words: list[str]) -> dict[str, list[str]]:
    """A bigram model: what came after each word."""
    after: dict[str, list[str]] = defaultdict(list)
    for one_, next_ in itertools.pairwise(words):
        after[one_].append(next_)
    return after


def say(after: dict[str, list[str]], n: int, strength: float, seed: int) -> list[str]:
    """Text of the model; with `strength` a second draw replaces a word that is not green."""
    rng = np.random.default_rng(seed)
    starts = list(after)
    said = [starts[0]]
    while len(said) < n:
        choices = after.get(said[-1]) or starts
        word = choices[rng.integers(len(choices))]
        if strength and not is_green(SECRET, (said[-1], word), 0.5) and rng.random() < strength:
            word = choices[rng.integers(len(choices))]
        said.append(word)
    return said


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="Folder in which trained models are kept.")
    arguments = parser.parse_args()
    text = corpus()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        keyed = keyed_power(folder)
        base, child, strangers = models(text, arguments.models)
        with torch.no_grad():
            logits = logits_power(base, child, strangers, text, folder / "base")
        order = order_power(base, child, strangers, text, folder)
    record(SCENARIO, {"n_strangers": N_STRANGERS, "n_reference": N_REFERENCE, "logits": logits, "order": order, "keyed": keyed})


if __name__ == "__main__":
    main()
