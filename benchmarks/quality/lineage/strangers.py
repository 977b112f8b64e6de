"""
Strangers: tiny Llamas of one recipe, trained on the same data in the same order from different seeds. No pair is related.

    python -m benchmarks.quality.lineage.strangers MODELS [--seeds FIRST] [--write-panel]

Trains two sets of 46 models into the folder MODELS (once; about ten CPU-minutes). The first makes the panel of the robust test.
The second, never seen by it, makes 1,035 pairs that are judged by every test whose operands such a pair can give: weights,
words, log-probabilities, a training order, a key, an address. 0 pairs may be called related. Whether exact p-values are
uniform is measured by `nulls`, on pairs that share no model.

Tests that rank a pair among strangers hold it against 22 or 23 others of the set, at a level of 0.05: a rank among so few can
never stand at 0.01, and 0 calls would say nothing. The order test is asked twice: with a shuffle of each base's own, as the owner
of an unrelated model has it; and, for 80 pairs, against its assumption: with the order that all of the set were in truth trained
in, a corpus read front to back that nobody shuffled.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
from benchmarks.quality.lineage.record import record
from benchmarks.quality.lineage.tiny import Recipe, Shape, begin, corpus, one, save, train
from benchmarks.quality.lineage.voices import Voices, byte_vocabulary, record_voices, served, stack_of

from stillwatch.lineage.agreement import TopAgreement
from stillwatch.lineage.base import Given, LineageTest, Operand, Result, Skipped, Verdict
from stillwatch.lineage.identity import IdentityLogprobs, IdentitySamples
from stillwatch.lineage.logits import OutputSubspace, TokenRanking
from stillwatch.lineage.mix import Mix
from stillwatch.lineage.names import Model, read_names
from stillwatch.lineage.order import Order
from stillwatch.lineage.panel import PanelScore, panel_bytes
from stillwatch.lineage.run import compare
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.text_keyed import TextKeyed
from stillwatch.lineage.text_unkeyed import TextUnkeyed
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.token_counts import TokenCounts
from stillwatch.lineage.weights import Weights, open_weights
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust
from stillwatch.lineage.wire import Wire

SCENARIO = "quality.lineage-strangers"
PANEL_SEEDS, N_MODELS = range(1000, 1046), 46
STACK = 23  # models trained at once
N_PROMPTS, LENGTH, N_TEXTS = 48, 40, 600
RANKED_LEVEL = 0.05
N_TRUE_ORDER = 80  # each needs 99,999 shuffles, because each rejects
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


def by_words(voices: Voices) -> Iterator[Result | Skipped]:
    """Outputs at temperature 1 pair by pair; words ranked among strangers, in both directions, half of the set at a time."""
    for i, j in combinations(range(N_MODELS), 2):
        yield alone(IdentitySamples(), voices.sampled[i], voices.sampled[j], Given(seed=i, samples=2))
    for i in range(N_MODELS):
        others = [j for j in range(N_MODELS) if j != i]
        for bases, strangers in ((others[::2], others[1::2]), (others[1::2], others[::2])):
            for test, said in ((TopAgreement(), voices.greedy), (TextUnkeyed(), voices.sampled)):
                given = Given(alpha=RANKED_LEVEL, strangers=tuple(said[j] for j in strangers), samples=2)
                yield from test.run(said[i], [said[j] for j in bases], given)


def by_key(voices: Voices, folder: Path) -> Iterator[Result | Skipped]:
    """Each suspect's words against a secret key of each base's own."""
    for j, base in enumerate(voices.sampled):
        path = folder / "key.json"
        secret = np.random.default_rng([3, j]).bytes(32).hex()
        tree = {"format": "stillwatch.lineage.key/1", "secret": secret, "green_list": {"words": 2, "share": 0.5}}
        path.write_bytes(orjson.dumps(tree))
        for suspect in voices.sampled[:j]:
            yield alone(TextKeyed(), suspect, base, Given(key_file=path))


def by_order(voices: Voices, folder: Path, shuffled: bool) -> Iterator[Result | Skipped]:
    """Each suspect's likelihood of training texts against their order: the true one, or each base's own shuffle."""
    path, n = folder / "order.jsonl", len(voices.texts)
    suspects = [
        Texts(v.name, tuple(Spoken("", t, (TokenScore("", float(x)),)) for t, x in zip(voices.texts, row, strict=True)), "")
        for v, row in zip(voices.sampled, voices.likelihoods, strict=True)
    ]
    for j, base in enumerate(suspects):
        places = np.random.default_rng([4, j]).permutation(n) if shuffled else np.arange(n)
        lines = [orjson.dumps({"text": t, "position": int(p)}) + b"\n" for t, p in zip(voices.texts, places, strict=True)]
        path.write_bytes(b"".join(lines))
        for suspect in suspects[:j]:
            yield alone(Order(), suspect, base, Given(order_file=path, seed=j))


def by_address(folders: Sequence[Path], names: Sequence[str]) -> Iterator[Result | Skipped]:
    """What the models' server gives away, and whether its counts fit the other's: same bytes, so they must."""
    with served(stack_of(folders), Shape(), names) as endpoints:
        for a, b in combinations(endpoints, 2):
            for test in (Wire(), TokenCounts()):
                yield alone(test, a, b, Given())


def tally(said: Iterable[Result | Skipped]) -> dict[str, dict[str, int]]:
    """How often each test gave each verdict; a test that could not be run counts as that."""
    told: dict[str, Counter[str]] = {}
    for one_ in said:
        told.setdefault(one_.test, Counter())[str(one_.verdict) if isinstance(one_, Result) else "not run"] += 1
    return {test: dict(count) for test, count in told.items()}


def judged(folder: Path, seeds: range) -> dict[str, object]:
    """Every test on every pair of the set."""
    models = trained(seeds, folder)
    folders, names = [folder / str(seed) for seed in seeds], [str(seed) for seed in seeds]
    for place in folders:
        byte_vocabulary(place)
    models = [open_weights(place, name) for place, name in zip(folders, names, strict=True)]
    weights = list(by_weights(models))
    robust = [r.statistic or 0.0 for r in weights if isinstance(r, Result) and r.test == WeightsRobust.name]
    exact = [10.0 ** (r.log10_p or 0.0) for r in weights if isinstance(r, Result) and r.test == WeightsExact.name]
    text, recipe = corpus(), Recipe()
    fresh = text[-N_PROMPTS * 64 :].view(N_PROMPTS, 64)[:, :16]
    seen = text[: recipe.steps * recipe.batch * (recipe.length + 1)].view(-1, recipe.length + 1)
    seen = seen[:: len(seen) // N_TEXTS][:N_TEXTS]
    voices = record_voices(stack_of(folders), Shape(), names, fresh, seen, LENGTH)
    with TemporaryDirectory() as scratch:
        verdicts = tally(weights) | tally(by_log_probabilities(voices, models)) | tally(by_words(voices))
        verdicts |= tally(by_key(voices, Path(scratch))) | tally(by_address(folders, names))
        for name, shuffled in (("order, each base's own", True), ("order, the unshuffled one of all", False)):
            verdicts[name] = tally(islice(by_order(voices, Path(scratch), shuffled), None if shuffled else N_TRUE_ORDER))[
                Order.name
            ]
    called = {test: sum(n for v, n in seen_.items() if v in _RELATED) for test, seen_ in verdicts.items()}
    return {
        "seeds": [seeds.start, seeds.stop - 1],
        "n_pairs": len(exact),
        "called": called,
        "verdicts": verdicts,
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
    parser.add_argument("--seeds", type=int, default=3100, help="First of the 46 seeds that are judged.")
    parser.add_argument("--write-panel", action="store_true")
    told = parser.parse_args()
    if told.write_panel:
        scores = tuple(panel_scores([read_names(w) for w in trained(PANEL_SEEDS, told.models)]))
        SHIPPED.write_bytes(panel_bytes(scores))
    record(SCENARIO, judged(told.models, range(told.seeds, told.seeds + N_MODELS)))


if __name__ == "__main__":
    main()
