"""Thrift's compact protocol."""

import pytest

from stillwatch.ingest.thrift import (
    BINARY,
    BYTE,
    DOUBLE,
    I32,
    I64,
    LIST,
    MAP,
    STRUCT,
    TRUE,
    BrokenError,
    Reader,
    Typed,
    written,
)

FIELDS = {
    1: Typed(I32, -(2**31)),
    2: Typed(I64, 2**62),
    5: Typed(TRUE, True),
    6: Typed(TRUE, False),
    7: Typed(DOUBLE, 0.25),
    8: Typed(BINARY, b"x" * 300),
    40: Typed(LIST, [Typed(I32, i) for i in range(20)], I32),
    41: Typed(STRUCT, {1: Typed(BYTE, 7)}),
}


def read(data: bytes) -> dict[int, Typed]:
    return Reader(data, 0, len(data)).struct()


def test_what_is_written_is_read() -> None:
    """
    Every type comes back, near and far field numbers alike.
    """
    assert read(written(FIELDS)) == FIELDS


def test_a_struct_that_ends_early_is_broken_at_every_length() -> None:
    """
    No prefix is taken for the whole, and none reads beyond its end.
    """
    data = written(FIELDS)

    for n in range(len(data)):
        with pytest.raises(BrokenError):
            read(data[:n])


@pytest.mark.parametrize(
    "data",
    [
        bytes([1 << 4 | MAP, 0]),
        bytes([1 << 4 | STRUCT]) * 100,
        bytes([1 << 4 | I64]) + b"\xff" * 20,
        bytes([1 << 4 | LIST, 0xF5]) + b"\xff\xff\xff\x7f",
        b"\x1f\x1f",
    ],
)
def test_nonsense_is_broken_not_endless(data: bytes) -> None:
    """
    Unknown types, endless nesting, numbers and lists beyond reason are refused.
    """
    with pytest.raises(BrokenError):
        read(data)
