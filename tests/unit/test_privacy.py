"""Keyed pseudonyms."""

import stat
from pathlib import Path

import pytest

from stillwatch.errors import SettingsError
from stillwatch.privacy import Key, default_key_path, pseudonym

KEY = Key(b"k" * 32)


def test_a_digest_follows_from_key_purpose_and_value() -> None:
    """The same three give the same digest, and each of them moves it."""
    digest = KEY.digest("account", "a")

    assert digest == Key(b"k" * 32).digest("account", "a")
    assert len({digest, KEY.digest("account", "b"), KEY.digest("org", "a"), Key(b"l" * 32).digest("account", "a")}) == 4
    assert -(2**63) <= digest < 2**63


def test_any_string_has_a_digest() -> None:
    """Lone surrogates, NUL and an empty string are values like any other."""
    values = ["", "\x00", "\ud800", "é", "a" * 10_000]

    assert len({KEY.digest("account", v) for v in values}) == len(values)


def test_a_key_is_never_shown() -> None:
    """Neither repr nor key id reveals the secret."""
    assert "kkkk" not in repr(KEY)
    assert KEY.key_id in repr(KEY)


def test_a_short_key_is_refused() -> None:
    """Fewer than 16 bytes could be guessed."""
    with pytest.raises(SettingsError, match="shorter than 16 bytes"):
        Key(b"short")


def test_a_key_file_holds_hex_or_bytes(tmp_path: Path) -> None:
    """Hex digits are decoded; any other content is the secret itself; a missing file is told."""
    (tmp_path / "hex").write_text("6b" * 32 + "\n")
    (tmp_path / "raw").write_bytes(b"\xff" * 20)

    assert Key.from_file(tmp_path / "hex") == KEY
    assert Key.from_file(tmp_path / "raw").secret == b"\xff" * 20
    with pytest.raises(SettingsError, match="the key cannot be read"):
        Key.from_file(tmp_path / "none")


def test_a_machine_keeps_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's key is made once, readable by its owner only, and found again."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    first, second = Key.of_this_machine(), Key.of_this_machine()

    assert first == second
    assert stat.S_IMODE(default_key_path().stat().st_mode) == 0o600
    assert default_key_path().is_relative_to(tmp_path)


def test_a_key_made_meanwhile_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process makes the key first, its key is used."""
    path = tmp_path / "key"
    path.write_text("6b" * 32)
    monkeypatch.setattr(Path, "exists", lambda self: False)

    assert Key.of_this_machine(path) == KEY


def test_pseudonyms_are_sixteen_digits() -> None:
    """A digest is written as 16 hex digits, whatever its sign."""
    assert pseudonym(-2) == "fffffffffffffffe"
    assert pseudonym(10) == "000000000000000a"
