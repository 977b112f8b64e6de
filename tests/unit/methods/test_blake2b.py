"""Keyed BLAKE2b of whole columns."""

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.methods.blake2b import Keyed, digest_all

SECRET, PERSON = b"secret of a test", b"p" * 16


def digests(texts: list[bytes], present: list[bool] | None = None) -> list[int]:
    """What the kernel gives for `texts`."""
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    there = np.array(present if present is not None else [True] * len(texts), bool)
    return digest_all(Keyed.of(SECRET, PERSON), np.frombuffer(b"".join(texts), np.uint8), offsets, there).tolist()


def expected(text: bytes) -> int:
    """What the standard library gives."""
    raw = hashlib.blake2b(text, digest_size=8, key=SECRET, person=PERSON)
    return int.from_bytes(raw.digest(), "little", signed=True)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"", b"a", b"ann", b"z" * 128]), min_size=1, max_size=40))
def test_digests_are_those_of_the_standard_library(texts: list[bytes]) -> None:
    """
    Every string has the digest that hashlib gives it, however often it comes.
    """
    assert digests(texts) == [expected(t) for t in texts]


def test_strings_of_every_length_around_a_block_are_digested() -> None:
    """
    Blocks of 128 bytes, one byte more or less, and several of them.
    """
    texts = [bytes([n % 251]) * n for n in (127, 128, 129, 255, 256, 257, 1_000)]

    assert digests(texts) == [expected(t) for t in texts]


def test_what_is_absent_is_not_digested() -> None:
    """
    A row that is marked absent is 0, and does not stand for a later equal one.
    """
    assert digests([b"ann", b"ann"], [False, True]) == [0, expected(b"ann")]
