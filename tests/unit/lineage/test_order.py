"""Does the suspect remember the owner's training order?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.order import Order
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.training_order import ORDER_FORMAT, read_order
from stillwatch.lineage.transport import Transport
from stillwatch.methods.keyed_choice import place

BASE = Texts("owner", (), "")


def order_file(folder: Path, n: int, seed: int, **more: Any) -> Path:
    """Texts in the order of a committed seed."""
    secret = np.random.default_rng(seed).bytes(32)
    texts = [f"text {i}" for i in range(n)]
    head = json.dumps({"format": ORDER_FORMAT, "seed": secret.hex()}) + "\n"
    ranked = sorted(texts, key=lambda text: place(secret, text))
    return written(folder, {text: float(ranked.index(text)) for text in texts}, head, **more)


def written(folder: Path, places: dict[str, float], head: str = "", **more: Any) -> Path:
    """An order file; without a head nothing proves it."""
    path = folder / "order.jsonl"
    path.write_text(head + "".join(json.dumps({"text": t, "position": p, **more}) + "\n" for t, p in places.items()))
    return path


def uneven(n: int, seed: int) -> list[str]:
    """Texts of many lengths, of words and numbers."""
    rng = np.random.default_rng(seed)
    words = ("tea", "cake", "Rain", "12", "river", "stone;", "seven", "ox")
    return [" ".join([*rng.choice(words, size=rng.integers(2, 40)), str(i)]) for i in rng.permutation(n)]


def finds(places: dict[str, float], memory: float, seed: int) -> Texts:
    """Finds long texts likelier, as all models do, and later ones by `memory` nats over the whole training."""
    rng = np.random.default_rng(seed)
    scores = {t: -9.0 + len(t) / 100 + memory * p / len(places) + float(rng.normal()) / 8 for t, p in places.items()}
    return Texts("suspect", tuple(Spoken("", t, (TokenScore("t", score),)) for t, score in scores.items()), "")


def suspect(path: Path, memory: float, seed: int) -> Texts:
    """Finds later texts likelier, by `memory` nats over the whole training."""
    rng = np.random.default_rng(seed)
    seen = read_order(path).seen
    return Texts(
        "suspect",
        tuple(
            Spoken("", s.text, (TokenScore("t", -9.0 + memory * s.position / len(seen) + float(rng.standard_t(4)) / 4),))
            for s in seen
        ),
        "",
    )


def only(who: Any, given: Given) -> Result:
    """The one result."""
    (said,) = Order().run(who, [BASE], given)
    assert isinstance(said, Result)
    return said


def test_later_texts_that_are_likelier_reject_independence(tmp_path: Path) -> None:
    """No shuffled order reaches it: p at the floor of the shuffles, what lies below it by a model that is named as one."""
    path = order_file(tmp_path, 400, 1)

    found = only(suspect(path, 1.0, 2), Given(order_file=path, permutations=199))

    assert found.verdict is Verdict.REJECT
    assert found.log10_p == pytest.approx(-5.0)
    assert found.statistic is not None
    assert found.statistic > 0.3
    assert len(found.pictures) == 2
    assert "None of 99,999 shuffled orders reaches it; Student's t, a model, puts it at p < 1e-12" in found.sentence
    assert (found.parts[0].log10_p or 0.0) < -12


def test_few_texts_are_held_against_every_order(tmp_path: Path) -> None:
    """Nine texts in the owner's very order are one chance in 9!: enough to reject, and with no floor to speak of."""
    path = order_file(tmp_path, 9, 1)

    found = only(suspect(path, 1000.0, 2), Given(order_file=path))

    assert found.verdict is Verdict.REJECT
    assert 10 ** (found.log10_p or 0.0) == pytest.approx(1 / 362_880)
    assert "shuffled orders" not in found.sentence
    assert found.pictures[1].labels == tuple(f"{i}/9" for i in range(1, 10))  # type: ignore[union-attr]  # a strip


def test_a_level_of_one_in_a_hundred_rejects_nobody(tmp_path: Path) -> None:
    """What speaks against somebody asks for 1e-5: a p of 0.001 is told, and is no verdict."""
    path = order_file(tmp_path, 100, 1)
    memory = next(m for m in np.arange(0.0, 2.0, 0.02) if (only(suspect(path, m, 2), Given(order_file=path)).log10_p or 0.0) < -3)

    found = only(suspect(path, float(memory), 2), Given(order_file=path, alpha=0.05))

    assert -5 < (found.log10_p or 0.0) < -3
    assert found.verdict is Verdict.NO_POWER


def test_a_stranger_is_level(tmp_path: Path) -> None:
    """200 owners' orders against texts of uneven likelihood: uniform p-values."""
    texts = suspect(order_file(tmp_path, 60, 1), 0.0, 9)
    p_values = [
        10 ** (only(texts, Given(order_file=order_file(tmp_path, 60, seed), permutations=99)).log10_p or 0.0)
        for seed in range(200)
    ]

    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert sum(p < 0.05 for p in p_values) <= stats.binom.ppf(0.999, 200, 0.05)


def test_an_order_without_a_seed_is_calibrated_at_best(tmp_path: Path) -> None:
    """A shuffle that only its owner vouches for: beyond all that it follows, and never exact."""
    texts = uneven(300, 1)
    places = dict(zip(texts, map(float, np.random.default_rng(2).permutation(300)), strict=True))
    path = written(tmp_path, places)

    child, stranger = (only(finds(places, memory, 3), Given(order_file=path)) for memory in (1.0, 0.0))

    assert (child.verdict, child.exact) == (Verdict.CALIBRATED, False)
    assert child.panel_id == "9 things that the order might follow"
    assert "No seed proves the shuffle" in child.sentence
    assert "its owner's word" in child.assumptions[0]
    assert stranger.verdict is Verdict.NO_POWER


def test_what_an_order_without_a_seed_follows_a_verdict_must_exceed(tmp_path: Path) -> None:
    """The same memory is *no power* where the shuffle has a trait that rises with it by chance: the bar is twice as high."""
    texts = uneven(300, 1)
    places = dict(zip(texts, map(float, np.random.default_rng(2).permutation(300)), strict=True))
    path = written(tmp_path, places)
    memory = next(m for m in np.arange(0.02, 1.0, 0.01) if (only(finds(places, m, 3), Given(order_file=path)).log10_p or 0) <= -5)

    found = only(finds(places, memory, 3), Given(order_file=path))

    bar = float(found.sentence.partition("asks for +")[2].partition(",")[0])
    assert (found.verdict is Verdict.CALIBRATED) == ((found.statistic or 0.0) >= bar)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["length", "numbers", "blocks", "reading order, locally shuffled"])
def test_an_order_that_nobody_shuffled_tells_nothing(tmp_path: Path, kind: str, seed: int) -> None:
    """Sorted or stacked texts: no p-value, no verdict, and the reason in words."""
    rng = np.random.default_rng(seed)
    texts = uneven(200, seed)
    if kind == "blocks":
        texts = [f"{t} {'import numpy as np' if i < 100 else 'once upon a time'}" for i, t in enumerate(texts)]
    keys: dict[str, Callable[[int], float]] = {
        "length": lambda i: float(len(texts[i])),
        "numbers": lambda i: texts[i].count("12") / len(texts[i]),
        "blocks": lambda i: (i >= 100) + float(rng.random()) / 2,
        "reading order, locally shuffled": lambda i: len(texts[i]) + 20 * float(rng.random()),
    }
    places = {text: keys[kind](i) for i, text in enumerate(texts)}

    found = only(finds(places, 0.0, seed), Given(order_file=written(tmp_path, places)))

    assert (found.verdict, found.log10_p, found.exact) == (Verdict.NO_POWER, None, False)
    assert "The order is not shuffled: it follows" in found.sentence
    assert (found.parts[0].log10_p or 0.0) <= -2


def test_a_stranger_who_follows_the_order_gives_it_away(tmp_path: Path) -> None:
    """Texts that look alike, ordered by how easy any model finds them: a stranger's likelihoods tell what the texts do not."""
    rng = np.random.default_rng(5)
    places = {f"text {i:03}": float(p) for i, p in enumerate(rng.permutation(150))}
    path = written(tmp_path, places)
    easy = {t: -9.0 + p / 100 + float(rng.normal()) / 8 for t, p in places.items()}
    suspect_, stranger = (
        Texts(name, tuple(Spoken("", t, (TokenScore("t", x + float(rng.normal()) / 50),)) for t, x in easy.items()), "")
        for name in ("suspect", "stranger")
    )

    found = only(suspect_, Given(order_file=path, strangers=(stranger,)))

    assert found.log10_p is None
    assert {"stranger stranger"} <= {part.name for part in found.parts}
    assert only(suspect_, Given(order_file=path)).verdict is Verdict.CALIBRATED  # what nothing but a seed or a stranger can tell


def test_a_reference_model_sharpens_the_test(tmp_path: Path) -> None:
    """What any model finds likely is taken off before ranks are compared."""
    rng = np.random.default_rng(3)
    plain, sharp = tmp_path / "plain.jsonl", tmp_path / "sharp.jsonl"
    ease = rng.normal(-6, 3, 200)
    head, *told = order_file(tmp_path, 200, 3).read_text().splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in told]
    plain.write_text(head + "\n" + "".join(json.dumps(r) + "\n" for r in rows))
    sharp.write_text(
        head + "\n" + "".join(json.dumps(r | {"reference_logprob": e}) + "\n" for r, e in zip(rows, ease, strict=True))
    )
    lines = tuple(
        Spoken("", str(r["text"]), (TokenScore("t", min(0.0, e + float(r["position"]) / 200 - 5)),))
        for r, e in zip(rows, ease, strict=True)
    )

    without, with_it = (only(Texts("s", lines, ""), Given(order_file=p)).log10_p for p in (plain, sharp))

    assert without is not None
    assert with_it is not None
    assert with_it < without - 3


def test_an_endpoint_that_echoes_is_asked(serve: Any, told: Any, tmp_path: Path) -> None:
    """Log-probabilities of the texts come from the echo."""
    path = order_file(tmp_path, 30, 1)
    at = {s.text: s.position for s in read_order(path).seen}

    def answer(asked: Any) -> Any:
        text = asked.body["prompt"]
        score = {"tokens": ["x", "y"], "token_logprobs": [None, -9.0 + at[text] / 10]}
        return told({"choices": [{"text": text, "logprobs": score}]})

    found = only(Endpoint(Transport(serve(answer).url), "m"), Given(order_file=path))

    assert found.statistic is not None
    assert found.statistic > 0.8


def test_an_endpoint_that_does_not_echo_is_skipped(serve: Any, told: Any, tmp_path: Path) -> None:
    """A refusal, or an answer that is no echo, leaves too few texts; the reason counts them."""
    given = Given(order_file=order_file(tmp_path, 30, 1))
    refusing = Endpoint(Transport(serve(lambda _: told({}, 400)).url), "m")
    other = {"choices": [{"text": "z", "logprobs": {"tokens": ["z"], "token_logprobs": [-1.0]}}]}
    answering = Endpoint(Transport(serve(lambda _: told(other)).url), "m")

    for who in (refusing, answering):
        (said,) = Order().run(who, [BASE], given)
        assert isinstance(said, Skipped)
        assert "for 0 of the texts" in said.reason


def test_an_order_belongs_to_one_model(tmp_path: Path) -> None:
    """With several bases the test says whom to leave out."""
    path = order_file(tmp_path, 30, 1)

    said = list(Order().run(suspect(path, 0.0, 1), [BASE, Texts("x", (), "")], Given(order_file=path)))

    assert all(isinstance(s, Skipped) and "one model" in s.reason for s in said)


def test_weights_give_no_log_probabilities(tmp_path: Path) -> None:
    """An operand without texts gives none."""
    path = order_file(tmp_path, 30, 1)

    (said,) = Order().run(object(), [BASE], Given(order_file=path))  # type: ignore[arg-type]  # any other operand

    assert isinstance(said, Skipped)
