import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.methods import hashing
from stillwatch.methods.hashing import U


def text_of(raw: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(raw + bytes(16), np.uint8).copy()


@pytest.mark.parametrize("message", [b"01234567", b"abcdefgh", bytes(range(1, 9))])
def test_sip_is_the_siphash_13_of_cpython(message: bytes) -> None:
    """
    Our SipHash-1-3 gives what CPython's own gives under the all-zero key.
    """
    code = f"import sys; assert sys.hash_info.algorithm == 'siphash13'; print(hash({message!r}))"
    told = subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)

    ours = hashing.sip(np.frombuffer(message, np.uint64)[0], U(0), U(0))

    assert int(ours) == int(told.stdout) % 2**64


def test_every_bit_of_the_key_moves_the_digest() -> None:
    """
    Two keys that differ in one bit share no digest.
    """
    digests = {int(hashing.sip(U(7), U(1) << U(bit), U(5))) for bit in range(64)}
    digests |= {int(hashing.sip(U(7), U(5), U(1) << U(bit))) for bit in range(64)}

    assert len(digests) == 128


def test_sip_all_is_sip_of_each() -> None:
    """
    The vectorised form agrees with the single one, and leaves the rest alone.
    """
    values, out = np.arange(9, dtype=np.uint64), np.zeros(9, np.uint64)

    hashing.sip_all(values, 7, U(3), U(4), out)

    assert out.tolist() == [int(hashing.sip(v, U(3), U(4))) for v in values[:7]] + [0, 0]


@pytest.mark.parametrize("word", [b"a", b"ab12", b"12345678", b"abcdefghi", b"x" * 16, b"y1" * 20])
def test_digits_are_folded_wherever_they_stand(word: bytes) -> None:
    """
    The folded hash is the hash of the word with zeros for digits, whatever its length.
    """
    zeroed = bytes(48 if 48 <= c <= 57 else c for c in word)

    exact, folded = hashing.hash_twice(text_of(word), 0, len(word))

    assert exact == hashing.hash_bytes(text_of(word), 0, len(word))
    assert folded == hashing.hash_bytes(text_of(zeroed), 0, len(word))


def test_what_stands_behind_a_word_does_not_move_its_hash() -> None:
    """
    Bytes beyond the end are not read into the hash.
    """
    assert hashing.hash_bytes(text_of(b"word one"), 0, 4) == hashing.hash_bytes(text_of(b"word two"), 0, 4)


def test_a_block_is_a_short_text() -> None:
    """
    `hash_block` agrees with `hash_bytes` up to eight bytes.
    """
    block = np.frombuffer(b"short\0\0\0", np.uint64)[0]

    assert hashing.hash_block(block) == hashing.hash_bytes(text_of(b"short"), 0, 5)


def test_marks_are_exact() -> None:
    """
    Only bytes that equal the wanted one are marked, also beside bytes that nearly do.
    """
    block = np.frombuffer(b'"#!"\x01\x00\xa2"', np.uint64)[0]

    marks = int(hashing.marked(block, U(0x2222222222222222)))

    assert [bool(marks >> (8 * i) & 0x80) for i in range(8)] == [True, False, False, True, False, False, False, True]


def test_mix_is_a_bijection_on_a_sample() -> None:
    """
    No two of many inputs collide.
    """
    assert len({int(hashing.mix(U(i))) for i in range(10_000)}) == 10_000
