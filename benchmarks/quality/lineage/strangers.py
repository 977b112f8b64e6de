"""
Strangers: tiny Llamas of one recipe, trained on the same data in the same order from different seeds. No pair is related.

    python -m benchmarks.quality.lineage.strangers MODELS [--seeds FIRST] [--write-panel]

Trains three sets of models into the folder MODELS (once; about twenty CPU-minutes). The first makes the panel of the robust
test. The second, never seen by it, makes 1,035 pairs that are judged by every test whose operands such a pair can give: weights,
words, log-probabilities, a training order, a key, an address; each at its default level. 0 pairs may be called related. The third
are the strangers of the tests that rank among strangers: 110, because a rank among fewer than 99 never stands at 0.01. Whether
exact p-values are uniform is measured by `nulls`, on pairs that share no model.

The order test is asked with a shuffle of each base's own, under a seed as an owner commits to one; for a part of the pairs
without a seed; and with the order that all of the set were in truth trained in, a corpus read front to back that nobody
shuffled. More orders that nobody shuffled: `unshuffled`.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, begin, corpus, one, save, train
from benchmarks.quality.lineage.voices import Voices, byte_vocabulary, record_voices, served, stack_of

from stillwatch.lineage.agreement import TopAgreement
from stillwatch.lineage.base import Given, LineageTest, Operand, Result, Skipped, Verdict, stands
from stillwatch.lineage.identity import IdentityLogprobs, IdentitySamples
from stillwatch.lineage.logits import OutputSubspace, TokenRanking
from stillwatch.lineage.mix import Mix
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.order import Order
from stillwatch.lineage.panel import PanelScore, panel_bytes, stands_out
from stillwatch.lineage.run import compare
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.text_keyed import TextKeyed
from stillwatch.lineage.text_unkeyed import TextUnkeyed
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.token_counts import TokenCounts
from stillwatch.lineage.training_order import ORDER_FORMAT
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust
from stillwatch.lineage.wire import Wire
from stillwatch.methods.keyed_choice import place

SCENARIO = "quality.lineage-strangers"
PANEL_SEEDS, N_MODELS = range(1000, 1046), 46
STACK = 23  # models trained at once
N_PROMPTS, LENGTH, N_TEXTS = 48, 40, 600
FIELD_SEEDS = range(5000, 5110)  # strangers of the ranked tests
LOOSER = 0.05  # what these would call at this level is told beside
N_OWNERS = 5  # whose orders are asked without a seed, of all suspects
SHIPPED = Path(__file__).parents[3] / "src" / "stillwatch" / "lineage" / "panel.json"


def trained(seeds: range, folder: Path) -> list[Weights]:
    """Models of these seeds; trained where the folder does not hold them yet."""
    shape = Shape()
    lost = [seed for seed in seeds if not (folder / str(seed) / "model.safetensors").is_file()]
    for start in range(0, len(lost), STACK):
        some = lost[start : start + STACK]
        stack, loss = train(begin(shape, some), shape, Recipe(), corpus())
        print(f"seeds {some[0]}..{some[-1]}: {loss:.3f} nats a byte")
        for i, seed in enumerate(some):
            save(one(stack, i), shape, folder / str(seed))
    return [open_weights(folder / str(seed), str(seed)) for seed in seeds]


def panel_scores(models: list[Model]) -> Iterator[PanelScore]:
    """Scores of the robust test on every pair."""
    test = WeightsRobust()
    for a, b in combinations(models, 2):
        score = test.score(a, b, seed=1)
        if score is not None:
            yield PanelScore(test.name, "llama", "same data and order, other seed; 0.2 M parameters", round(score, 4))


def alone(test: LineageTest, suspect: Operand, base: Operand, given: Given) -> Result | Skipped:
    """What a test says of one pair."""
    (said,) = test.run(suspect, [base], given)
    return said


def by_weights(models: Sequence[Weights]) -> Iterator[Result | Skipped]:
    """Weights tests on every pair, each pair judged as a run of its own; merges of two strangers that are no parents."""
    for number, ((a, b), third) in enumerate(zip(combinations(models, 2), _thirds(models), strict=True)):
        yield from compare(a, [b], [WeightsExact(), WeightsRobust()], Given(seed=number)).results
        yield next(iter(Mix().run(a, [b, third], Given(seed=number))))


def _thirds(models: Sequence[Weights]) -> Iterator[Weights]:
    for i, j in combinations(range(len(models)), 2):
        yield next(model for k, model in enumerate(models) if k not in (i, j))


def by_log_probabilities(voices: Voices, models: Sequence[Weights]) -> Iterator[Result | Skipped]:
    """Each suspect's log-probabilities against the base's output head, and against the base's."""
    for i, j in combinations(range(len(models)), 2):
        for test in (OutputSubspace(), TokenRanking()):
            yield alone(test, voices.scored[i], models[j], Given(seed=i))
        yield alone(IdentityLogprobs(), voices.scored[i], voices.scored[j], Given(seed=i))


def by_words(voices: Voices, field: Voices) -> Iterator[Result | Skipped]:
    """Outputs at temperature 1 pair by pair; words ranked among strangers outside the set, in both directions."""
    for i, j in combinations(range(N_MODELS), 2):
        yield alone(IdentitySamples(), voices.sampled[i], voices.sampled[j], Given(seed=i, samples=2))
    for i in range(N_MODELS):
        others = [j for j in range(N_MODELS) if j != i]
        for test, said, strangers in (
            (TopAgreement(), voices.greedy, field.greedy),
            (TextUnkeyed(), voices.sampled, field.sampled),
        ):
            yield from test.run(said[i], [said[j] for j in others], Given(strangers=strangers))


def by_key(voices: Voices, folder: Path) -> Iterator[Result | Skipped]:
    """Each suspect's words against a secret key of each base's own."""
    for j, base in enumerate(voices.sampled):
        path = folder / "key.json"
        secret = np.random.default_rng([3, j]).bytes(32).hex()
        tree = {"format": "stillwatch.lineage.key/1", "secret": secret, "green_list": {"words": 2, "share": 0.5}}
        path.write_bytes(orjson.dumps(tree))
        for suspect in voices.sampled[:j]:
            yield alone(TextKeyed(), suspect, base, Given(key_file=path))


def by_order(voices: Voices, folder: Path, way: str) -> Iterator[Result | Skipped]:
    """Each suspect's likelihood of training texts against their order: each base's own by a seed, or without, or the true one."""
    whole = [text.partition(": ")[2] for text in voices.texts]  # without the number, which would tell the place
    kept = sorted({text: i for i, text in reversed(list(enumerate(whole)))}.values())
    texts, likelihoods = [whole[i] for i in kept], voices.likelihoods[:, kept]
    suspects = [
        Texts(v.name, tuple(Spoken("", t, (TokenScore("", float(x)),)) for t, x in zip(texts, row, strict=True)), "")
        for v, row in zip(voices.sampled, likelihoods, strict=True)
    ]
    for j, base in enumerate(suspects):
        path = write_order(folder / "order.jsonl", texts, way, j)
        others = suspects[:j] if way == "seed" else suspects[:j] + suspects[j + 1 :]
        for suspect in others if way == "seed" or j < N_OWNERS else ():
            yield alone(Order(), suspect, base, Given(order_file=path, seed=j))


def write_order(path: Path, texts: Sequence[str], way: str, owner: int) -> Path:
    """An owner's order: under a seed of its own, by a shuffle of its own that no seed proves, or as the texts come."""
    secret = np.random.default_rng([4, owner]).bytes(32)
    places = np.random.default_rng([5, owner]).permutation(len(texts)) if way == "shuffled" else np.arange(len(texts))
    head: list[dict[str, object]] = []
    if way == "seed":
        head = [{"format": ORDER_FORMAT, "seed": secret.hex()}]
        places = np.argsort(np.argsort(np.array([place(secret, text) for text in texts], dtype=np.uint64)))
    rows = head + [{"text": t, "position": int(p)} for t, p in zip(texts, places, strict=True)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def by_address(folders: Sequence[Path], names: Sequence[str]) -> Iterator[Result | Skipped]:
    """What the models' server gives away, and whether its counts fit the other's: same bytes, so they must."""
    with served(stack_of(folders), Shape(), names) as endpoints:
        for a, b in combinations(endpoints, 2):
            for test in (Wire(), TokenCounts()):
                yield alone(test, a, b, Given())


def tally(said: Iterable[Result | Skipped]) -> dict[str, int]:
    """How often each verdict was given; a test that could not be run counts as that."""
    return dict(Counter(str(one_.verdict) if isinstance(one_, Result) else "not run" for one_ in said))


def called(result: Result | Skipped, level: float | None = None) -> bool:
    """Does it say *related*? With a level: would a rank among strangers that stands there have sufficed?"""
    if not isinstance(result, Result):
        return False
    proof = result.proof
    if level is not None and proof is not None and proof.kind == "panel" and proof.observed is not None:
        return stands_out(proof.observed, proof.draws, result.log10_p or 0.0, level)
    return str(result.verdict) in _RELATED


def spoken_by(folders: Sequence[Path], names: Sequence[str], samples: int) -> Voices:
    """What the models say to prompts that none was trained on, and how likely they find their training texts."""
    text, recipe = corpus(), Recipe()
    fresh = text[-N_PROMPTS * 64 :].view(N_PROMPTS, 64)[:, :16]
    seen = text[: recipe.steps * recipe.batch * (recipe.length + 1)].view(-1, recipe.length + 1)
    seen = seen[:: len(seen) // N_TEXTS][:N_TEXTS]
    return record_voices(stack_of(folders), Shape(), names, fresh, seen, LENGTH, samples)


def judged(folder: Path, seeds: range) -> dict[str, object]:
    """Every test on every pair of the set."""
    said: dict[str, list[Result | Skipped]] = {}
    trained(seeds, folder)
    trained(FIELD_SEEDS, folder)
    folders, names = [folder / str(seed) for seed in seeds], [str(seed) for seed in seeds]
    for made in folders:
        byte_vocabulary(made)
    models = [open_weights(made, name) for made, name in zip(folders, names, strict=True)]
    voices = spoken_by(folders, names, 2)
    field = spoken_by([folder / str(seed) for seed in FIELD_SEEDS], [str(seed) for seed in FIELD_SEEDS], 1)
    with TemporaryDirectory() as scratch:
        at = Path(scratch)
        every = (
            by_weights(models),
            by_log_probabilities(voices, models),
            by_words(voices, field),
            by_key(voices, at),
            by_address(folders, names),
        )
        for some in every:
            for one_ in some:
                said.setdefault(one_.test, []).append(one_)
            print({test: len(told) for test, told in said.items()}, flush=True)
        for way in ("seed", "shuffled", "front to back"):
            said[f"order, {way}"] = list(by_order(voices, at, way))
    robust = [r.statistic or 0.0 for r in said[WeightsRobust.name] if isinstance(r, Result)]
    exact = [10.0 ** (r.log10_p or 0.0) for r in said[WeightsExact.name] if isinstance(r, Result)]
    return {
        "seeds": [seeds.start, seeds.stop - 1],
        "field": [FIELD_SEEDS.start, FIELD_SEEDS.stop - 1],
        "n_pairs": len(exact),
        "called": {test: sum(map(called, told)) for test, told in said.items()},
        "called_looser": {test: sum(called(one_, LOOSER) for one_ in told) for test, told in said.items()},
        "at_most_05": {
            test: sum(stands(r.log10_p, LOOSER) for r in told if isinstance(r, Result) and r.log10_p is not None)
            for test, told in said.items()
        },
        "verdicts": {test: tally(told) for test, told in said.items()},
        "exact_below_05": float(np.mean(np.array(exact) < 0.05)),
        "exact_smallest_p": min(exact),
        "robust_largest_score": max(robust),
        "robust_median_score": float(np.median(robust)),
    }


_RELATED = frozenset({str(Verdict.REJECT), str(Verdict.CALIBRATED)})


def main() -> None:
    """Train what is missing, make the panel, judge the other set, append the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("--seeds", type=int, default=4100, help="First of the 46 seeds that are judged.")
    parser.add_argument("--write-panel", action="store_true")
    told = parser.parse_args()
    if told.write_panel:
        scores = tuple(panel_scores([read_names(w) for w in trained(PANEL_SEEDS, told.models)]))
        SHIPPED.write_bytes(panel_bytes(scores))
    record(SCENARIO, judged(told.models, range(told.seeds, told.seeds + N_MODELS)))


if __name__ == "__main__":
    main()
