"""Private set intersection: what both have and nothing else, in two messages that cannot be confused or reused."""

import random
from pathlib import Path

import pytest

from stillwatch.errors import SharingError
from stillwatch.sharing import psi


def items(*numbers: int) -> list[str]:
    """Identifiers of nobody."""
    return [f"dx1|acct-email|person{n}@example.org" for n in numbers]


def test_the_asker_learns_what_both_have() -> None:
    """Over random sets of all overlaps the answer is the plain intersection, duplicates and order notwithstanding."""
    rng = random.Random(6)
    for _ in range(6):
        mine, theirs = rng.sample(range(200), 60), rng.sample(range(200), 80)

        asked, message = psi.ask(items(*mine, *mine[:5]))
        got = psi.reveal(asked, psi.answer(message, items(*theirs), 100))

        assert got == sorted(items(*(set(mine) & set(theirs))))


def test_nothing_in_common_is_an_empty_list() -> None:
    """No false hit in a thousand against a thousand."""
    asked, message = psi.ask(items(*range(1_000)))

    assert psi.reveal(asked, psi.answer(message, items(*range(1_000, 2_000)), 1_000)) == []


def test_the_messages_hold_no_identifier_and_are_other_each_time() -> None:
    """Neither message holds a byte of a name, and a new key makes the same set look new."""
    asked, message = psi.ask(items(1, 2))
    answer = psi.answer(message, items(2, 3), 10)

    assert b"person" not in message + answer
    assert psi.ask(items(1, 2))[1] != message
    assert "person" not in repr(asked)
    assert psi.n_asked(message) == 2


def test_more_guesses_than_allowed_are_not_answered() -> None:
    """The answerer bounds how many items one ask may hold."""
    _, message = psi.ask(items(*range(11)))

    with pytest.raises(SharingError, match="at-most"):
        psi.answer(message, items(1), 10)


def test_an_ask_is_kept_for_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    """Mode 0600, read back whole, refused a second time; damaged files are named."""
    path = tmp_path / "kept"
    asked, message = psi.ask(items(1, 2))
    asked.save(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert psi.reveal(psi.Asked.load(path), psi.answer(message, items(2), 10)) == items(2)
    with pytest.raises(SharingError, match="never overwritten"):
        asked.save(path)
    (tmp_path / "bad").write_bytes(b"{}")
    with pytest.raises(SharingError, match="no ask"):
        psi.Asked.load(tmp_path / "bad")


def test_damaged_and_foreign_messages_are_refused() -> None:
    """Another kind, cut, altered, or an answer to another ask: an error, never a wrong answer."""
    asked, message = psi.ask(items(1, 2, 3))
    answer = psi.answer(message, items(2), 10)
    _, other = psi.ask(items(4))

    for bad in (b"", b"x", answer, message[:-5], message[:21], message[:30] + b"\x00" * 9 + message[39:]):
        with pytest.raises(SharingError):
            psi.answer(bad, items(1), 10)
    for bad in (b"", message, answer[:40], psi.answer(other, items(2), 10)):
        with pytest.raises(SharingError):
            psi.reveal(asked, bad)


def test_sizes() -> None:
    """Empty sets are refused on both sides."""
    _, message = psi.ask(items(1))
    with pytest.raises(SharingError, match="1 to"):
        psi.ask([])
    with pytest.raises(SharingError, match="1 to"):
        psi.answer(message, [], 10)
