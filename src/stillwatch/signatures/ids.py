"""Pseudonyms of everything that names someone: each distinct value of a batch is digested once under the house's key."""

import ipaddress
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.privacy import Key


def digests(values: pa.Array, key: Key, purpose: str, prepare: Callable[[str], str] = str) -> pa.Array:
    """
    Keyed 64-bit digests of a string column; null stays null.

    Args:
        values: Strings, possibly null.
        key: The house's key.
        purpose: Equal values under different purposes have unrelated digests.
        prepare: Applied to each distinct value first.
    """
    encoded = values.dictionary_encode()
    told = [key.digest(purpose, prepare(value)) for value in encoded.dictionary.to_pylist()]
    return pa.array(told, pa.int64()).take(encoded.indices)


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^({_OCTET}\.{_OCTET}\.{_OCTET})\.{_OCTET}$"


def networks(ips: pa.Array, key: Key) -> pa.Array:
    """Digests of the networks of addresses; plain IPv4 is cut by Arrow, the rest one distinct value at a time."""
    encoded = ips.dictionary_encode()
    cut = pc.replace_substring_regex(encoded.dictionary, _IPV4, r"\1.0/24")
    return digests(cut, key, "network", _cut_network).take(encoded.indices)


def _cut_network(ip: str) -> str:
    return ip if ip.endswith(".0/24") else network_of(ip)


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
