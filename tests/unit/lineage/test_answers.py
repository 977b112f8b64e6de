"""Answers kept on disk."""

import stat
from pathlib import Path

import pytest

from stillwatch.errors import LineageError
from stillwatch.lineage.answers import Answers, question_digest
from stillwatch.lineage.transport import Reply

REPLY = Reply(200, {"server": "toy"}, b'{"choices": []}')


def test_an_answer_is_there_in_the_next_run(tmp_path: Path) -> None:
    """What was put is read back by another process, byte for byte, by its owner only."""
    path = tmp_path / "deep" / "answers.ndjson"
    Answers(path).put("q1", REPLY)

    again = Answers(path)

    assert again.get("q1") == REPLY
    assert again.get("q2") is None
    assert len(again) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    """A crash in mid-write costs one answer, and the file stays whole."""
    path = tmp_path / "answers.ndjson"
    Answers(path).put("q1", REPLY)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])

    again = Answers(path)
    again.put("q2", REPLY)

    assert len(Answers(path)) == 2


def test_a_line_of_somebody_else_is_an_error_by_its_number(tmp_path: Path) -> None:
    """A file that we did not write is never taken for answers."""
    path = tmp_path / "answers.ndjson"
    path.write_bytes(b'{"question": "q"}\n')

    with pytest.raises(LineageError, match=r"answers.ndjson:1: not an answer"):
        Answers(path)


def test_an_answer_that_unpacks_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed line cannot fill the memory."""
    path = tmp_path / "answers.ndjson"
    Answers(path).put("q1", Reply(200, {}, b"0" * 5_000))
    monkeypatch.setattr("stillwatch.lineage.answers._LARGEST_BODY", 1_000)

    with pytest.raises(LineageError, match="not an answer"):
        Answers(path)


def test_the_digest_names_what_was_said_not_when(tmp_path: Path) -> None:
    """Order of arrival changes nothing; another answer changes the digest."""
    one, two, three = Answers(), Answers(), Answers()
    one.put("a", REPLY)
    one.put("b", Reply(400, {}, b"x"))
    two.put("b", Reply(400, {}, b"x"))
    two.put("a", REPLY)
    three.put("a", Reply(200, {}, b"y"))

    assert one.digest() == two.digest() != three.digest()


def test_places_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    """A folder in the file's place is an error that says what to do."""
    with pytest.raises(LineageError, match="cannot be read"):
        Answers(tmp_path)
    (tmp_path / "file").write_text("")
    answers = Answers(tmp_path / "file" / "answers.ndjson")

    with pytest.raises(LineageError, match="cannot be kept"):
        answers.put("q", REPLY)


def test_a_question_is_named_by_all_that_can_change_its_answer() -> None:
    """Address, method, path, body and repetition each make another question."""
    base = ("u", "POST", "/p", b"b", 0)
    others = [
        ("v", "POST", "/p", b"b", 0),
        ("u", "GET", "/p", b"b", 0),
        ("u", "POST", "/q", b"b", 0),
        ("u", "POST", "/p", b"c", 0),
    ]

    assert len({question_digest(*q) for q in [base, ("u", "POST", "/p", b"b", 1), *others]}) == 6
