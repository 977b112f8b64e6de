"""Which teacher do the texts lean to, strangers in the race."""

import numpy as np
from scipy import stats

from stillwatch.lineage.base import Given, MatrixPicture, Result, Skipped, Verdict
from stillwatch.lineage.speech import Spoken
from stillwatch.lineage.text_unkeyed import TextUnkeyed
from stillwatch.lineage.texts import Texts

PROMPTS = tuple(f"p{i}" for i in range(12))
WORDS = np.array([f"{a}{b}{c}" for a in "bdfglm" for b in "aeiou" for c in "nrstk"])


def style(seed: int) -> np.ndarray:
    """How often a model uses each of 150 words."""
    return np.random.default_rng(seed).dirichlet(np.full(len(WORDS), 0.5))


def voice(name: str, uses: np.ndarray, seed: int, prompts: tuple[str, ...] = PROMPTS) -> Texts:
    """A unigram model of words."""
    rng = np.random.default_rng(seed)
    return Texts(name, tuple(Spoken(p, " ".join(rng.choice(WORDS, 30, p=uses))) for p in prompts), "")


def strangers(n: int, seed: int = 1_000) -> tuple[Texts, ...]:
    """Models of other styles."""
    return tuple(voice(f"stranger{i}", style(seed + i), seed + i) for i in range(n))


def run(suspect: Texts, bases: list[Texts], given: Given) -> list[Result]:
    """Results of all bases."""
    said = list(TextUnkeyed().run(suspect, bases, given))
    assert all(isinstance(s, Result) for s in said)
    return said  # type: ignore[return-value]  # asserted


def test_a_student_leans_to_its_teacher_beyond_all_strangers() -> None:
    """Calibrated for the teacher, not for another candidate; the race with the unknown stands in sentence and picture."""
    teacher, other = style(1), style(2)
    student = 0.7 * teacher + 0.3 * style(3)

    right, wrong = run(
        voice("s", student, 5), [voice("A", teacher, 6), voice("B", other, 7)], Given(alpha=0.05, strangers=strangers(19))
    )

    assert right.verdict is Verdict.CALIBRATED
    assert round(10 ** (right.log10_p or 0.0), 3) == 0.05
    assert wrong.verdict is Verdict.NO_POWER
    assert "unknown 0" in right.sentence
    assert isinstance(right.pictures[1], MatrixPicture)
    assert right.pictures[1].columns == ("A", "B")
    assert "s0" not in right.pictures[1].rows
    assert not right.exact


def test_few_strangers_never_decide_and_the_floor_is_printed() -> None:
    """With five strangers p is at least 1/6: no power, N in the sentence."""
    (found,) = run(voice("s", style(1), 5), [voice("A", style(1), 6)], Given(alpha=0.05, strangers=strangers(5)))

    assert found.verdict is Verdict.NO_POWER
    assert "among 5 strangers (never below 0.167 with 5)" in found.sentence


def test_a_suspect_that_is_one_more_stranger_is_level() -> None:
    """80 suspects drawn like the strangers: the p-values are those of a rank."""
    teacher = voice("A", style(1), 6)
    p_values = []
    for i in range(80):
        field = strangers(9, 5_000 + 20 * i)
        (found,) = run(voice("s", style(5_000 + 20 * i + 10), 5_000 + 20 * i + 10), [teacher], Given(alpha=0.05, strangers=field))
        p_values.append(10 ** (found.log10_p or 0.0))

    ranks = np.bincount(np.round(np.array(p_values) * 10).astype(int), minlength=11)[1:]
    assert stats.chisquare(ranks).pvalue > 0.001
    assert sum(p <= 0.1001 for p in p_values) <= stats.binom.ppf(0.999, 80, 0.1)


def test_candidates_with_prompts_of_their_own_are_read_from_what_they_have() -> None:
    """A teacher's recording need not share the suspect's prompts."""
    teacher = voice("A", style(1), 6, tuple(f"q{i}" for i in range(20)))

    (found,) = run(voice("s", style(1), 5), [teacher], Given(alpha=0.05, strangers=strangers(19)))

    assert found.verdict is Verdict.CALIBRATED


def test_who_cannot_race_is_skipped() -> None:
    """One stranger is no field, and strangers must have answered the suspect's prompts."""
    (few,) = TextUnkeyed().run(voice("s", style(1), 5), [voice("A", style(1), 6)], Given(strangers=strangers(1)))
    away = tuple(voice(f"x{i}", style(i), i, ("elsewhere",)) for i in range(3))
    (apart,) = TextUnkeyed().run(voice("s", style(1), 5), [voice("A", style(1), 6)], Given(strangers=away))

    assert isinstance(few, Skipped)
    assert isinstance(apart, Skipped)
    assert "two strangers" in few.reason
