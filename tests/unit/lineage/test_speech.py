"""What was said, from either shape of log-probabilities."""

from pathlib import Path

import numpy as np
import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.speech import Question, Spoken, read_tokens, shared_prompts, speaker
from stillwatch.lineage.texts import Texts
from stillwatch.lineage.weights import Weights


def test_chat_shape_with_alternatives() -> None:
    """Objects with token, logprob and alternatives; alternatives come likeliest first, with ids where all have one."""
    tops = [{"token": "b", "logprob": -2.0, "id": 7}, {"token": "a", "logprob": -0.2, "id": 3}]

    (score,) = read_tokens({"content": [{"token": "a", "logprob": -0.2, "top_logprobs": tops}]})

    assert (score.token, score.log_prob, score.top_tokens, score.top_ids) == ("a", -0.2, ("a", "b"), (3, 7))
    assert score.top_log_probs.tolist() == [-0.2, -2.0]


def test_completion_shape_with_an_echoed_first_token() -> None:
    """Parallel lists; the first token of an echo has no probability and is left out."""
    tree = {"tokens": ["A", "B", "C"], "token_logprobs": [None, -1.0, -2.0], "top_logprobs": [None, {"B": -1.0, "x": -3.0}, None]}

    scores = read_tokens(tree)

    assert [(s.token, s.log_prob) for s in scores] == [("B", -1.0), ("C", -2.0)]
    assert scores[0].top_tokens == ("B", "x")
    assert scores[0].top_ids is None


def test_bare_lists_of_numbers_and_of_objects() -> None:
    """A file may hold numbers alone, or objects without alternatives."""
    assert [s.log_prob for s in read_tokens([-1, -0.5])] == [-1.0, -0.5]
    assert [s.token for s in read_tokens([{"token": "a", "logprob": -1.0}])] == ["a"]
    assert len(read_tokens({"token_logprobs": [-1.0]})) == 1


@pytest.mark.parametrize("tree", [{}, "x", 3, [0.5], [True], [None], {"content": [3]}, [{"token": "a"}], [float("nan")]])
def test_what_is_no_log_probability_is_refused(tree: object) -> None:
    """Positive, missing, boolean or NaN values are errors, and so is any other shape."""
    with pytest.raises(ValueError, match=r"log-probab"):
        read_tokens(tree)


def test_rounding_above_zero_is_forgiven() -> None:
    """A certain token may come as a hair above 0."""
    assert read_tokens([1e-9])[0].log_prob == 0.0


def test_prompts_in_common() -> None:
    """Recordings decide which prompts can be asked; where there is none, the others given are."""
    one = Texts("one", (Spoken("p", "x"), Spoken("q", "y"), Spoken("r", "z")), "")
    two = Texts("two", (Spoken("r", "x"), Spoken("p", "y")), "")

    assert shared_prompts([one, two], ("other",), 9) == ("p", "r")
    assert shared_prompts([one], ("other",), 2) == ("p", "q")
    assert shared_prompts([], ("a", "b"), 1) == ("a",)


def test_weights_say_nothing(tmp_path: Path) -> None:
    """Weights alone cannot be asked: the error says what can."""
    with pytest.raises(LineageError, match="give an endpoint or a file"):
        speaker(Weights("silent", {}, None, {}))

    assert speaker(Texts("t", (Spoken("p", "x"),), "")).say(Question(("p",))) == [Spoken("p", "x")]
    assert np.zeros(0).shape == read_tokens([-1.0])[0].top_log_probs.shape
