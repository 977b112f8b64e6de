"""Is it exactly this model? Equality, never descent."""

import numpy as np
from scipy import stats

from stillwatch.lineage.base import Given, Result, Skipped, Verdict
from stillwatch.lineage.identity import IdentityLogprobs, IdentitySamples
from stillwatch.lineage.speech import Spoken, TokenScore
from stillwatch.lineage.texts import Texts

GIVEN = Given(permutations=199, samples=4)


def bigram(name: str, seed: int, tilt: float, n_prompts: int = 6, samples: int = 4, logprob: float | None = -1.0) -> Texts:
    """A character model of a few lines: prompts decide the alphabet, `tilt` how often one letter of its own comes."""
    rng = np.random.default_rng(seed)
    lines = []
    for prompt in range(n_prompts):
        for _ in range(samples):
            letters = [int(rng.integers(26))]
            for _ in range(39):
                letters.append(prompt if rng.random() < tilt else int((letters[-1] + rng.integers(1, 9) + prompt) % 26))
            score = () if logprob is None else (TokenScore("t", min(logprob - abs(float(rng.normal(0, 0.01))), 0.0)),)
            lines.append(Spoken(f"p{prompt}", "".join(chr(97 + c) for c in letters), score))
    return Texts(name, tuple(lines), "")


def result(test: IdentitySamples | IdentityLogprobs, suspect: Texts, base: Texts, seed: int = 1) -> Result:
    """The one result."""
    (said,) = test.run(suspect, [base], Given(permutations=199, samples=4, seed=seed))
    assert isinstance(said, Result)
    return said


def test_another_model_is_excluded_as_identical_and_nothing_is_said_of_descent() -> None:
    """Exact p-value, the claim in words, a picture with the observed value."""
    found = result(IdentitySamples(), bigram("s", 1, 0.1), bigram("b", 2, 0.6))

    assert found.verdict is Verdict.EXCLUDED
    assert found.exact
    assert found.log10_p is not None
    assert found.log10_p <= -2.0
    assert "equality, not of descent" in found.sentence
    assert found.pictures[0].observed == found.statistic  # type: ignore[union-attr]  # a null picture


def test_samples_of_one_model_are_level() -> None:
    """120 pairs of samples from one model: p-values are uniform to within their bands."""
    p_values = [
        10 ** (result(IdentitySamples(), bigram("s", 2 * i, 0.3), bigram("b", 2 * i + 1, 0.3), i).log10_p or 0.0)
        for i in range(120)
    ]

    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert sum(p < 0.05 for p in p_values) <= stats.binom.ppf(0.999, 120, 0.05)


def test_a_shift_of_log_probabilities_is_seen_and_an_equal_one_is_compatible() -> None:
    """A hundredth of a nat is enough; the same model is compatible."""
    shifted = result(IdentityLogprobs(), bigram("s", 1, 0.3, logprob=-1.05), bigram("b", 2, 0.3, logprob=-1.0))
    same = result(IdentityLogprobs(), bigram("s", 3, 0.3), bigram("b", 4, 0.3))

    assert shifted.verdict is Verdict.EXCLUDED
    assert same.verdict is Verdict.COMPATIBLE
    assert "cannot be told apart" in same.sentence


def test_what_cannot_be_compared_is_skipped_with_the_reason() -> None:
    """No shared prompt, one output a prompt, or no log-probabilities."""
    (apart,) = IdentitySamples().run(bigram("s", 1, 0.3), [Texts("b", (Spoken("other", "x"),), "")], GIVEN)
    (single,) = IdentitySamples().run(bigram("s", 1, 0.3), [bigram("b", 1, 0.3, samples=1)], GIVEN)
    (blind,) = IdentityLogprobs().run(bigram("s", 1, 0.3), [bigram("b", 1, 0.3, logprob=None)], GIVEN)

    assert isinstance(apart, Skipped)
    assert isinstance(single, Skipped)
    assert "at least two outputs" in single.reason
    assert isinstance(blind, Skipped)
    assert "no log-probabilities" in blind.reason
