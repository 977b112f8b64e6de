"""Choices that only a secret key explains."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.speech import Spoken
from stillwatch.lineage.text_keyed import KEY_FORMAT, TextKeyed, read_key
from stillwatch.lineage.texts import Texts
from stillwatch.methods.keyed_choice import is_green, pick

SECRET = bytes(range(32))


@pytest.fixture(autouse=True)
def few_random_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nineteen random keys draw the picture: it decides nothing."""
    monkeypatch.setattr("stillwatch.lineage.text_keyed._MOST_DRAWN_HASHES", 1)


BASE = Texts("teacher", (), "")


def key_file(folder: Path, **how: Any) -> Path:
    """A key file."""
    path = folder / "key.json"
    path.write_text(json.dumps({"format": KEY_FORMAT, "secret": SECRET.hex(), **how}))
    return path


def marked(name: str, seed: int, strength: float, n_words: int = 600, secret: bytes = SECRET) -> Texts:
    """A unigram model of 400 words that prefers a green word after its predecessor with this strength."""
    rng = np.random.default_rng(seed)
    words = ["start"]
    for _ in range(n_words):
        one, two = (f"w{i}" for i in rng.integers(0, 400, 2))
        green = is_green(secret, (words[-1], one), 0.5)
        words.append(one if green or rng.random() > strength else two)
    return Texts(name, (Spoken("p", " ".join(words)),), "")


def only(suspect: Texts, given: Given) -> Result:
    """The one result."""
    (said,) = TextKeyed().run(suspect, [BASE], given)
    assert isinstance(said, Result)
    return said


def test_a_watermark_is_found_by_its_key(tmp_path: Path) -> None:
    """Exact, with the agreements under random keys as picture; the secret is nowhere in the result."""
    found = only(marked("s", 1, 0.5), Given(key_file=key_file(tmp_path, green_list={"words": 2, "share": 0.5})))

    assert found.verdict is Verdict.REJECT
    assert found.exact
    assert found.log10_p is not None
    assert found.log10_p < -4
    assert SECRET.hex() not in str(found)
    assert read_key(tmp_path / "key.json").key_id in str(found.assumptions)
    assert found.pictures


def test_texts_without_the_mark_are_level(tmp_path: Path) -> None:
    """150 unmarked texts, some marked by another key: p-values never smaller than uniform ones."""
    given = Given(key_file=key_file(tmp_path, green_list={"words": 2, "share": 0.5}))
    p_values = [10 ** (only(marked("s", i, 0.5, 80, b"other key 16byte" + bytes([i])), given).log10_p or 0.0) for i in range(150)]

    for alpha in (0.01, 0.05, 0.2):
        assert sum(p <= alpha for p in p_values) <= stats.binom.ppf(0.999, 150, alpha)
    assert stats.kstest(p_values, "uniform", alternative="greater").pvalue > 0.001


def test_repeating_a_text_adds_no_evidence(tmp_path: Path) -> None:
    """Each k-gram counts once."""
    given = Given(key_file=key_file(tmp_path, green_list={"words": 2, "share": 0.5}))
    once = marked("s", 1, 0.3)

    many = Texts("s", once.lines * 50, "")

    assert only(many, given).log10_p == only(once, given).log10_p
    assert only(many, given).n == only(once, given).n


def test_canary_phrases_by_the_option_that_the_key_chose(tmp_path: Path) -> None:
    """20 slots of three wordings, all as the key chose: 3^-20, exactly; an unused or tied slot makes no choice."""
    slots = [{"name": f"slot{i}", "options": [f"alpha{i}", f"beta{i}", f"gamma{i}"]} for i in range(22)]
    given = Given(key_file=key_file(tmp_path, slots=slots))
    said = [slots[i]["options"][pick(SECRET, f"slot{i}", 3)] for i in range(20)] + ["alpha20 beta20"]

    found = only(Texts("s", tuple(Spoken("p", f"so {w}.") for w in said), ""), given)

    assert found.n == 20
    assert found.log10_p == pytest.approx(-20 * math.log10(3))
    assert len(found.parts) == 20
    assert found.verdict is Verdict.REJECT


def test_a_text_without_any_choice_has_no_power(tmp_path: Path) -> None:
    """p is 1 and there is nothing to draw."""
    found = only(Texts("s", (Spoken("p", "x"),), ""), Given(key_file=key_file(tmp_path, green_list={"words": 3, "share": 0.25})))

    assert (found.verdict, found.log10_p, found.n, found.pictures) == (Verdict.NO_POWER, 0.0, 0, ())


def test_a_key_belongs_to_one_teacher(tmp_path: Path) -> None:
    """With several bases the test says whom to leave out."""
    given = Given(key_file=key_file(tmp_path, green_list={"words": 2, "share": 0.5}))

    said = list(TextKeyed().run(marked("s", 1, 0.5), [BASE, Texts("other", (), "")], given))

    assert all(isinstance(s, Skipped) and "one teacher" in s.reason for s in said)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"},
        {"secret": "zz"},
        {"secret": "00"},
        {"slots": [{"name": "a", "options": ["x", "y"]}]},
        {"green_list": {"words": 1, "share": 0.5}},
        {"green_list": {"words": 2, "share": 1.0}},
        {"green_list": None, "slots": []},
        {"green_list": 3},
    ],
)
def test_key_files_that_are_none(tmp_path: Path, change: dict[str, Any]) -> None:
    """The message says what a key file holds, and never quotes it."""
    path = key_file(tmp_path, **{"green_list": {"words": 2, "share": 0.5}} | change)

    with pytest.raises(LineageError, match="not a key") as caught:
        read_key(path)

    assert SECRET.hex() not in str(caught.value)


@pytest.mark.parametrize(
    "slots",
    [[], [{"name": "a", "options": ["x"]}], [{"name": "a", "options": ["x", "X"]}], [{"name": "a", "options": ["x", "y", "X"]}],
     [{"name": "a", "options": ["x", "y"]}] * 2],
)  # fmt: skip
def test_slots_need_options_that_differ(tmp_path: Path, slots: list[Any]) -> None:
    """Equal wordings, one wording or a doubled name are no choice."""
    with pytest.raises(LineageError, match="not a key"):
        read_key(key_file(tmp_path, slots=slots))


def test_unreadable_key_files(tmp_path: Path) -> None:
    """Missing, or not JSON; a key prints as its id."""
    (tmp_path / "bad.json").write_text("{")

    with pytest.raises(LineageError, match="cannot be read"):
        read_key(tmp_path / "missing.json")
    with pytest.raises(LineageError, match="not JSON"):
        read_key(tmp_path / "bad.json")
    key = read_key(key_file(tmp_path, green_list={"words": 2, "share": 0.5}))
    assert repr(key) == f"TeacherKey({key.key_id})"


def test_an_endpoint_is_asked(serve: Any, told: Any, chat: Any, tmp_path: Path) -> None:
    """Where nothing is recorded, plain questions are put."""
    from stillwatch.lineage.endpoint import Endpoint
    from stillwatch.lineage.transport import Transport

    server = serve(lambda a: told(chat("one two three four")))
    given = Given(prompts=3, key_file=key_file(tmp_path, green_list={"words": 2, "share": 0.5}))

    (said,) = TextKeyed().run(Endpoint(Transport(server.url), "m"), [BASE], given)

    assert isinstance(said, Result)
    assert said.n == 3
    assert len(server.asked) == 3
