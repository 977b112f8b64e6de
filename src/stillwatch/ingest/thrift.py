"""
Thrift's compact protocol, untyped: just enough to read Parquet's page headers and to write a footer.

A struct is a mapping of field number to value; lists are Python lists. Types are kept where reading alone would lose them
(`Typed`), so that what was read can be written again. Specification: thrift-compact-protocol.md of Apache Thrift.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_INTEGERS = (I16, I32, I64)
_DEEPEST = 32  # Parquet's own structs nest eight deep


class Bytes(Protocol):
    """A buffer: bytes or a memory map."""

    def __getitem__(self, at: slice, /) -> bytes: ...


class BrokenError(ValueError):
    """The bytes are no compact struct, or end inside one."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with its compact type; a list carries the type of its items."""

    kind: int
    value: object
    items: int = 0


Struct = Mapping[int, Typed]


class Reader:
    """Reads from `at` on; `at` moves."""

    def __init__(self, data: Bytes, at: int, end: int) -> None:
        self._data = data
        self._end = end
        self.at = at

    def struct(self, depth: int = 0) -> dict[int, Typed]:
        """One struct."""
        if depth > _DEEPEST:
            raise BrokenError
        fields: dict[int, Typed] = {}
        number = 0
        while (head := self._byte()) != 0:
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = Typed(TRUE, kind == TRUE) if kind in (TRUE, FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Typed:
        if kind in _INTEGERS:
            return Typed(kind, self._zigzag())
        if kind == BYTE or kind in (TRUE, FALSE):  # items of a list of truth values take a byte
            return Typed(kind, self._byte())
        if kind == DOUBLE:
            return Typed(kind, struct.unpack("<d", self._take(8))[0])
        if kind == BINARY:
            return Typed(kind, self._take(self._varint()))
        if kind in (LIST, SET):
            head = self._byte()
            n = head >> 4 if head >> 4 != 15 else self._varint()
            if n > self._end - self.at:
                raise BrokenError
            return Typed(kind, [self._value(head & 15, depth + 1) for _ in range(n)], head & 15)
        if kind == STRUCT:
            return Typed(kind, self.struct(depth + 1))
        raise BrokenError

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, n: int) -> bytes:
        if n < 0 or self.at + n > self._end:
            raise BrokenError
        taken = self._data[self.at : self.at + n]
        self.at += n
        return taken

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise BrokenError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def written(fields: Struct) -> bytes:
    """
    A struct as bytes.

    >>> data = written({1: Typed(I32, -3), 4: Typed(LIST, [Typed(BINARY, b"ab")], BINARY)})
    >>> Reader(data, 0, len(data)).struct()[4].value[0].value
    b'ab'
    """
    out = bytearray()
    last = 0
    for number, field in sorted(fields.items()):
        kind = field.kind if field.kind != TRUE or field.value else FALSE
        step = number - last
        out += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _zigzag(number)
        out += b"" if kind in (TRUE, FALSE) else _bytes(field)
        last = number
    return bytes(out) + b"\0"


def _bytes(field: Typed) -> bytes:
    value = field.value
    if isinstance(value, bytes):
        return _varint(len(value)) + value
    if isinstance(value, list):
        n = len(value)
        head = bytes([n << 4 | field.items]) if n < 15 else bytes([0xF0 | field.items]) + _varint(n)
        return head + b"".join(_bytes(item) for item in value)
    if isinstance(value, dict):
        return written(value)
    if isinstance(value, float):
        return struct.pack("<d", value)
    assert isinstance(value, int)
    return bytes([value]) if field.kind not in _INTEGERS else _zigzag(value)


def _zigzag(value: int) -> bytes:
    return _varint((value << 1) ^ (value >> 63))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])
