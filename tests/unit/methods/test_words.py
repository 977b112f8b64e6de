import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.methods.hashing import U
from stillwatch.methods.words import any_words, ascii_words, character_classes, is_settled, settled_characters


def read(text: str, general: bool = False) -> tuple[list[int], list[int], list[int], list[int], int]:
    """Words, exact words, stems, weights and running hash of a text that is lower case where it is not ASCII."""
    raw = np.frombuffer(text.encode(), np.uint8)
    room = 2 * len(raw) + 200
    out = (np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint64), np.zeros(room, np.uint8))
    low = np.zeros(room, np.uint8)
    if general:
        n, _, h = any_words(raw, 0, len(raw), low, character_classes(), out, 0, U(1))
    else:
        n, _, h = ascii_words(raw, 0, len(raw), low, out, 0, U(1))
    return out[0][:n].tolist(), out[1][:n].tolist(), out[2][:n].tolist(), out[3][:n].tolist(), int(h)


@pytest.mark.parametrize(
    ("text", "n_words"),
    [
        ("", 0),
        ("   ...  ", 0),
        ("a", 1),
        ("Hello, world!", 2),
        ("x" * 63 + " y", 2),
        ("x" * 64, 1),
        ("x" * 65, 1),
        ("x" * 64 + " " + "y" * 64, 2),
        ("nul\0nul", 2),
    ],
)
def test_words_are_found_across_block_borders(text: str, n_words: int) -> None:
    """
    A word is a run of letters and digits, wherever the 64-byte blocks begin.
    """
    assert len(read(text)[0]) == n_words


@pytest.mark.parametrize(
    "text", ["the quick brown fox", "a1 b22, c-333 (d)", "x" * 70 + " tail", "one\n\ntwo\tthree  four", "end. "]
)
def test_both_paths_read_ascii_alike(text: str) -> None:
    """
    The path for all scripts gives the ASCII path's words, stems, weights and running hash.
    """
    assert read(text) == read(text, general=True)


def test_case_and_digits_are_folded_but_exact_words_keep_digits() -> None:
    """
    'Item 12' and 'item 34' are one wording and two texts.
    """
    first, second = read("Item 12"), read("item 34")

    assert first[0] == second[0]
    assert first[1] != second[1]
    assert first[4] != second[4]


def test_white_space_never_moves_the_running_hash_and_punctuation_does() -> None:
    """
    S0 ignores how a text is laid out and sees what it says.
    """
    assert read("a b\n c")[4] == read(" a  b c ")[4]
    assert read("a + b")[4] != read("a - b")[4]


def test_stems_are_five_letters() -> None:
    """
    Words that begin with the same five letters share a stem, in any alphabet.
    """
    assert len(set(read("translate translation transl")[2])) == 1
    assert len(set(read("перевод перевести", general=True)[2])) == 1
    assert len(set(read("train trail")[2])) == 2


@pytest.mark.parametrize(
    ("text", "n_words"),
    [
        ("你好世界", 3),
        ("你", 1),
        ("你 好", 2),
        ("ภาษาไทย", 6),
        ("привет мир", 2),
        ("안녕 세계", 2),
        ("مرحبا بالعالم", 2),
        ("नमस्ते दुनिया", 2),
        ("hi 你好 there", 3),
        ("😀", 1),
        ("😀😀😀", 2),
    ],
)
def test_every_script_has_words(text: str, n_words: int) -> None:
    """
    Scripts without spaces give character pairs, all others give words.
    """
    assert len(read(text, general=True)[0]) == n_words


def test_zero_width_characters_do_not_split_words() -> None:
    """
    A word with an invisible character in it is the word.
    """
    assert read("pass\u200bword\ufeff", general=True)[0] == read("password")[0]
    assert read("\u202bשלום\u202c", general=True)[0] == read("שלום", general=True)[0]


def test_digits_of_every_script_are_digits() -> None:
    """
    Arabic-Indic or Devanagari numbers are folded like Latin ones.
    """
    assert read("price ٤٢", general=True)[1] == read("price 42")[1]
    assert read("price ४२", general=True)[0] == read("price 17")[0]


def test_torn_utf8_is_a_separator() -> None:
    """
    A text that is cut inside a character is read up to the cut, without a crash.
    """
    raw = np.frombuffer("abc é".encode()[:-1], np.uint8)
    out = (np.zeros(50, np.uint64), np.zeros(50, np.uint64), np.zeros(50, np.uint64), np.zeros(50, np.uint8))

    n, _, _ = any_words(raw, 0, len(raw), np.zeros(200, np.uint8), character_classes(), out, 0, U(1))

    assert n == 1


def test_letters_beyond_the_basic_plane_are_words() -> None:
    """
    Gothic letters make words, rare Han pairs, and tag characters nothing.
    """
    assert len(read("𐌰𐌱 𐌲", general=True)[0]) == 2
    assert len(read("𠀀𠀁𠀂", general=True)[0]) == 2
    assert read("\U000e0041", general=True)[0] == []


def test_classes_follow_the_unicode_database() -> None:
    """
    Every assigned letter and digit of the basic plane is part of some word.
    """
    table = character_classes()

    letters = [c for c in range(0x10000) if unicodedata.category(chr(c))[0] in "LN"]

    assert len(letters) > 40_000
    assert all(table[c] != 0 for c in letters)


_COMPOSING = st.sampled_from("aeouéœαकกカガ\u1100\u1161\u11a8가각\u0301\u0323\u3099\u09be\u09c7\u0dcf\u102e\u1b35ﬁ…\u00a0Ⅳ“”’—語")


def normal(text: str) -> str:
    """NFKC as Arrow makes it."""
    return str(pc.utf8_normalize(pa.array([text]), form="NFKC")[0])


@settings(deadline=None)  # the first call compiles
@given(st.text(_COMPOSING | st.characters(codec="utf-8"), max_size=12))
def test_a_settled_text_is_one_that_nfkc_leaves_alone(text: str) -> None:
    """
    Whatever stands beside what: a text that is called settled is its own normal form.
    """
    raw = np.frombuffer(text.encode() + b"\0", np.uint8)

    if is_settled(raw, 0, len(raw) - 1, settled_characters()):
        assert normal(text) == text


def test_every_settled_character_is_its_own_normal_form() -> None:
    """
    Arrow, whose Unicode may be newer than Python's, agrees on each; and most letters of living scripts are among them.
    """
    table = settled_characters()
    settled = [chr(code) for code in np.flatnonzero(table) if not 0xD800 <= code < 0xE000]

    assert pc.utf8_normalize(pa.array(settled), form="NFKC").to_pylist() == settled
    assert all(table[ord(c)] for c in "é“”’–—ñüßžıλжאبकก語かガ한。、")
    assert len(settled) > 50_000
