"""Files of outputs."""

import hashlib
from pathlib import Path

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.base import Offer
from stillwatch.lineage.speech import Question
from stillwatch.lineage.texts import read_texts


def test_a_file_offers_what_every_line_has(tmp_path: Path) -> None:
    """Log-probabilities count as offered only where no line lacks them."""
    plain, scored = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    plain.write_text('{"prompt": "p", "output": "x"}\n\n{"prompt": "p", "output": "y", "logprobs": [-1.0]}\n')
    scored.write_text('{"prompt": "p", "output": "y", "logprobs": [-1.0]}\n')

    assert read_texts(plain).offers == {Offer.TEXTS}
    assert read_texts(scored).offers == {Offer.TEXTS, Offer.LOGPROBS}
    assert read_texts(plain).digests() == {str(plain): hashlib.sha256(plain.read_bytes()).hexdigest()}
    assert read_texts(plain).name == str(plain)


def test_it_says_what_it_recorded_and_no_more(tmp_path: Path) -> None:
    """At most so many outputs a prompt, grouped by prompt; unknown prompts have none."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(f'{{"prompt": "{p}", "output": "{o}"}}\n' for p, o in [("p", "1"), ("q", "2"), ("p", "3"), ("p", "4")])
    )
    texts = read_texts(path)

    said = texts.say(Question(("q", "p", "unknown"), samples=2))

    assert [(s.prompt, s.output) for s in said] == [("q", "2"), ("p", "1"), ("p", "3")]
    assert texts.recorded_prompts == ("p", "q")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "needs 'prompt' and 'output'"),
        ('{"prompt": "a customer\'s text"}', "needs 'prompt' and 'output'"),
        ('{"prompt": "p", "output": 3}', "needs 'prompt' and 'output'"),
        ('{"prompt": "p", "output": "o", "logprobs": [2.0]}', "'logprobs' is neither"),
        (
            '{"prompt": "p", "output": "o", "logprobs": {"content": [{"logprob": -1, "top_logprobs": [1]}]}}',
            "'logprobs' is neither",
        ),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_never_quoted(tmp_path: Path, line: str, words: str) -> None:
    """The message has file, line and remedy; not a word of the text."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "p", "output": "x"}\n' + line + "\n")

    with pytest.raises(LineageError, match=words) as caught:
        read_texts(path)

    assert "a.jsonl:2" in str(caught.value)
    assert "customer" not in str(caught.value)


def test_files_that_hold_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, empty and oversized files are errors that say so."""
    empty = tmp_path / "e.jsonl"
    empty.write_text("\n")

    with pytest.raises(LineageError, match="cannot be read"):
        read_texts(tmp_path / "missing.jsonl")
    with pytest.raises(LineageError, match="holds no line"):
        read_texts(empty)
    monkeypatch.setattr("stillwatch.lineage.texts._LARGEST_FILE", 0)
    with pytest.raises(LineageError, match="larger than"):
        read_texts(empty)
