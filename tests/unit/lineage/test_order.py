"""Does the suspect remember the owner's training order?"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.endpoint import Endpoint
from stillwatch.lineage.order import Order, read_order
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.transport import Transport

BASE = Texts("owner", (), "")


def order_file(folder: Path, n: int, seed: int, **more: Any) -> Path:
    """Texts in a shuffled order."""
    path = folder / "order.jsonl"
    places = np.random.default_rng(seed).permutation(n)
    path.write_text("".join(json.dumps({"text": f"text {i}", "position": int(p), **more}) + "\n" for i, p in enumerate(places)))
    return path


def suspect(path: Path, memory: float, seed: int) -> Texts:
    """Finds later texts likelier, by `memory` nats over the whole training."""
    rng = np.random.default_rng(seed)
    seen = read_order(path)
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


def test_a_reference_model_sharpens_the_test(tmp_path: Path) -> None:
    """What any model finds likely is taken off before ranks are compared."""
    rng = np.random.default_rng(3)
    plain, sharp = tmp_path / "plain.jsonl", tmp_path / "sharp.jsonl"
    ease = rng.normal(-6, 3, 200)
    rows: list[dict[str, Any]] = [{"text": f"text {i}", "position": int(p)} for i, p in enumerate(rng.permutation(200))]
    plain.write_text("".join(json.dumps(r) + "\n" for r in rows))
    sharp.write_text("".join(json.dumps(r | {"reference_logprob": e}) + "\n" for r, e in zip(rows, ease, strict=True)))
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
    place = {s.text: s.position for s in read_order(path)}

    def answer(asked: Any) -> Any:
        text = asked.body["prompt"]
        score = {"tokens": ["x", "y"], "token_logprobs": [None, -9.0 + place[text] / 10]}
        return told({"choices": [{"text": text, "logprobs": score}]})

    found = only(Endpoint(Transport(serve(answer).url), "m"), Given(order_file=path))

    assert found.statistic == pytest.approx(1.0)


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


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"text": "t"}',
        '{"text": "", "position": 1}',
        '{"text": "t", "position": "late"}',
        '{"text": "t", "position": NaN}',
        '{"text": 3, "position": 1}',
        '{"text": "t", "position": 1e999}',
    ],
)
def test_bad_lines_are_named_by_number(tmp_path: Path, line: str) -> None:
    """Never by their text."""
    (tmp_path / "o.jsonl").write_text('{"text": "a", "position": 1}\n\n' + line + "\n")

    with pytest.raises(LineageError, match=r"o\.jsonl:3: a line of the training order needs"):
        read_order(tmp_path / "o.jsonl")


def test_whole_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Missing, or with a reference for some texts only; a text seen twice counts once."""
    half = tmp_path / "half.jsonl"
    half.write_text('{"text": "a", "position": 1, "reference_logprob": -1}\n{"text": "b", "position": 2}\n')
    twice = tmp_path / "twice.jsonl"
    twice.write_text('{"text": "a", "position": 1}\n{"text": "a", "position": 2}\n')

    with pytest.raises(LineageError, match="cannot be read"):
        read_order(tmp_path / "missing.jsonl")
    with pytest.raises(LineageError, match="on some lines only"):
        read_order(half)
    assert [s.position for s in read_order(twice)] == [1.0]


def test_weights_give_no_log_probabilities(tmp_path: Path) -> None:
    """An operand without texts gives none."""
    path = order_file(tmp_path, 30, 1)

    (said,) = Order().run(object(), [BASE], Given(order_file=path))  # type: ignore[arg-type]  # any other operand

    assert isinstance(said, Skipped)
