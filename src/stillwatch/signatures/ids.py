"""Pseudonyms of everything that names someone: each distinct value of a batch is digested once under the house's key."""

import functools
import ipaddress
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from stillwatch.methods.blake2b import Keyed, digest_all
from stillwatch.privacy import Key, tag
from stillwatch.signatures.texts import texts_of

_LONGEST_IP, _LONGEST_NETWORK = 39, 20  # "ffff:" eight times without the last colon; "ffff:ffff:ffff::/48" and one to spare


def digests(values: pa.Array, key: Key, purpose: str, prepare: Callable[[str], str] | None = None) -> pa.Array:
    """
    Keyed 64-bit digests of a string column; null stays null.

    Args:
        values: Strings, possibly null.
        key: The house's key.
        purpose: Equal values under different purposes have unrelated digests.
        prepare: Applied to each distinct value first.
    """
    if values.null_count == len(values):
        return pa.nulls(len(values), pa.int64())
    if prepare is not None:
        encoded = values.dictionary_encode()
        prepared = pa.array([prepare(value) for value in encoded.dictionary.to_pylist()], pa.string())
        return digests(prepared, key, purpose).take(encoded.indices)
    texts = texts_of(values)
    told = digest_all(_keyed(key, purpose), texts.data, texts.offsets, texts.present)
    return pa.array(told, mask=~texts.present if values.null_count else None)


@functools.lru_cache(maxsize=256)
def _keyed(key: Key, purpose: str) -> Keyed:
    return Keyed.of(key.secret[:64], tag(purpose))


def networks(ips: pa.Array, key: Key) -> pa.Array:
    """Digests of the networks of addresses; what is no plain address goes the slow way, one distinct value at a time."""
    if ips.null_count == len(ips):
        return pa.nulls(len(ips), pa.int64())
    texts = texts_of(ips)
    written = np.zeros(len(ips) * _LONGEST_NETWORK, np.uint8)
    ends = np.zeros(len(ips) + 1, np.int64)
    odd = np.zeros(len(ips), np.bool_)
    _cut(texts.data, texts.offsets, texts.present, written, ends, odd)
    told = pa.array(digest_all(_keyed(key, "network"), written, ends, texts.present & ~odd), mask=~texts.present | odd)
    if not odd.any():
        return told
    return pc.replace_with_mask(told, pa.array(odd), digests(ips.filter(pa.array(odd)), key, "network", network_of))


@njit(cache=True, nogil=True)
def _cut(data: Any, offsets: Any, present: Any, out: Any, ends: Any, odd: Any) -> None:
    """Write `network_of` each plain address into `out`, one after the other; mark those that are not plain."""
    groups = np.zeros(8, np.int64)
    n = 0
    for i in range(len(present)):
        if present[i]:
            start, end = offsets[i], offsets[i + 1]
            size = _cut_dotted(data, start, end, out, n)
            if size == 0 and _read_groups(data, start, end, groups):
                size = _write_groups(groups, out, n)
            odd[i] = size == 0
            n += size
        ends[i + 1] = n


@njit(cache=True, nogil=True)
def _cut_dotted(data: Any, start: int, end: int, out: Any, n: int) -> int:
    """The /24 of an IPv4 address in its usual writing; 0 where it is none, or a number has a zero too many."""
    dots, digits, value, third = 0, 0, 0, 0
    for i in range(start, end):
        c = int(data[i])
        if c == 46:
            dots += 1
            if digits == 0 or dots > 3:
                return 0
            digits, value, third = 0, 0, i
        elif 48 <= c <= 57 and digits < 3 and not (digits > 0 and value == 0):
            digits += 1
            value = 10 * value + c - 48
            if value > 255:
                return 0
        else:
            return 0
    if dots != 3 or digits == 0:
        return 0
    for i in range(start, third):
        out[n + i - start] = data[i]
    return third - start + _ending(out, n + third - start, 46, 48, 50, 52)


@njit(cache=True, nogil=True)
def _ending(out: Any, n: int, first: int, second: int, tens: int, ones: int) -> int:
    out[n], out[n + 1], out[n + 2], out[n + 3], out[n + 4] = first, second, 47, tens, ones
    return 5


@njit(cache=True, nogil=True)
def _read_groups(data: Any, start: int, end: int, groups: Any) -> bool:
    """The eight numbers of an IPv6 address in hexadecimal; False for every other writing, and for IPv4 inside it."""
    if end - start > _LONGEST_IP or end - start < 2:
        return False
    n, gap, digits, value, i = 0, -1, 0, 0, start
    while i < end:
        c = int(data[i])
        if c == 58:
            pair = i + 1 < end and data[i + 1] == 58
            if digits > 0:
                groups[n] = value
                n += 1
            elif not (pair and i == start):
                return False
            if n == 8 or (not pair and i + 1 == end):
                return False
            if pair:
                if gap >= 0:
                    return False
                gap = n
                i += 1
            digits, value = 0, 0
        else:
            lower = c | 32
            if digits == 4 or not (48 <= c <= 57 or 97 <= lower <= 102):
                return False
            value = 16 * value + (c - 48 if c <= 57 else lower - 87)
            digits += 1
        i += 1
    if digits > 0:
        groups[n] = value
        n += 1
    if (n == 8) != (gap < 0) or n > 8:
        return False
    if gap >= 0:
        for k in range(n - gap):
            groups[7 - k] = groups[n - 1 - k]
        for k in range(gap, 8 - (n - gap)):
            groups[k] = 0
    mapped = groups[5] == 0xFFFF
    for k in range(5):
        mapped = mapped and groups[k] == 0
    return not mapped


@njit(cache=True, nogil=True)
def _write_groups(groups: Any, out: Any, n: int) -> int:
    """The /48, as Python's ipaddress writes it: the last five numbers, and zeros before them, are one "::"."""
    used = 3
    while used > 0 and groups[used - 1] == 0:
        used -= 1
    size = 0
    for k in range(used):
        if k > 0:
            out[n + size] = 58
            size += 1
        shift = 12
        while shift > 0 and groups[k] >> shift == 0:
            shift -= 4
        while shift >= 0:
            digit = (groups[k] >> shift) & 15
            out[n + size] = 48 + digit if digit < 10 else 87 + digit
            size += 1
            shift -= 4
    return size + _ending(out, n + size, 58, 58, 52, 56)


def network_of(ip: str) -> str:
    """
    The network that stands for an address: /24 of IPv4, /48 of IPv6; what is no address stands for itself.

    >>> network_of("192.0.2.77"), network_of("2001:db8:1:2::3"), network_of("::ffff:192.0.2.9"), network_of("hidden")
    ('192.0.2.0/24', '2001:db8:1::/48', '192.0.2.0/24', 'hidden')
    """
    try:
        address = ipaddress.ip_address(ip.strip())
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(address) >> 80 << 80, 48)))
        address = address.ipv4_mapped
    return f"{ipaddress.IPv4Address(int(address) & 0xFFFFFF00)}/24"


def client_family(user_agent: str) -> str:
    """
    The client's name without version or system, so that an upgrade is no new configuration.

    >>> client_family("OpenAI-Python/1.52.0 (linux)")
    'openai-python'
    """
    return user_agent.strip().split("/", 1)[0].split(" ", 1)[0].split("(", 1)[0].lower()
