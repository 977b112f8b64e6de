"""Conformal p-values and their continuation beyond the highest benign score."""

import numpy as np
import pytest

from stillwatch.methods.tail import FLOOR, MIN_BACKGROUND, p_values

RNG = np.random.default_rng(1)
BACKGROUND = RNG.exponential(size=200)


def test_plain_p_is_the_rank_among_benign_scores() -> None:
    """One plus the number of benign scores at least as high, over one plus all."""
    told = p_values(np.array([1.0, 3.0, 9.0]), np.arange(9, dtype=float))

    assert told.plain.tolist() == [0.9, 0.7, 0.1]


def test_below_the_threshold_both_agree() -> None:
    """The tail starts at the highest tenth."""
    scores = np.quantile(BACKGROUND, [0.1, 0.5, 0.8])

    told = p_values(scores, BACKGROUND)

    assert told.extrapolated.tolist() == told.plain.tolist()


def test_above_it_a_higher_score_is_rarer() -> None:
    """The tail falls strictly until the floor."""
    told = p_values(np.linspace(3, 12, 10), BACKGROUND)

    assert (np.diff(told.extrapolated) < 0).all()
    assert told.extrapolated[-1] < told.plain[-1] == 1 / 201


def test_nobody_is_called_rarer_than_one_in_a_million() -> None:
    """The floor holds for any score."""
    assert p_values(np.array([1e6]), BACKGROUND).extrapolated[0] == FLOOR


def test_a_small_background_is_not_continued() -> None:
    """With fewer than twenty benign scores only the plain p-value stands."""
    told = p_values(np.array([50.0]), np.arange(MIN_BACKGROUND - 1, dtype=float))

    assert told.extrapolated[0] == told.plain[0]


def test_a_background_of_one_value_is_not_continued() -> None:
    """Where the highest scores are all the same there is no tail to fit."""
    told = p_values(np.array([1.0]), np.zeros(100))

    assert told.extrapolated[0] == told.plain[0] == 1 / 101


def test_undetected_campaigns_in_the_background_do_not_stretch_the_tail() -> None:
    """One campaign in a hundred benign scores costs a campaign at most a factor of five, if it is trimmed."""
    clean = RNG.exponential(size=198)
    dirty = np.concatenate([clean, [14.0, 15.0]])
    score = np.array([12.0])

    before = p_values(score, clean, trim_share=0.01).extrapolated[0]
    trimmed = p_values(score, dirty, trim_share=0.01).extrapolated[0]
    kept = p_values(score, dirty, trim_share=0.0).extrapolated[0]

    assert trimmed < 5 * before
    assert trimmed < kept / 2


def test_trimming_clean_scores_does_not_shorten_the_tail() -> None:
    """Trimmed scores count as lying above, so a clean background gives about the same p-value."""
    score = np.array([6.0])

    ratio = p_values(score, BACKGROUND, trim_share=0.02).extrapolated / p_values(score, BACKGROUND, trim_share=0.0).extrapolated

    assert 0.3 < ratio[0] < 3


@pytest.mark.parametrize(
    ("scores", "background", "share", "words"),
    [([np.inf], [1.0], 0.0, "finite"), ([1.0], [np.nan], 0.0, "finite"), ([1.0], [1.0], 0.7, "trim_share")],
)
def test_nonsense_is_refused(scores: list[float], background: list[float], share: float, words: str) -> None:
    """Scores are finite, and at most half of a background may be trimmed."""
    with pytest.raises(ValueError, match=words):
        p_values(np.array(scores), np.array(background), share)
