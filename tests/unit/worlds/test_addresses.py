"""Networks as a log shows them."""

import ipaddress

import numpy as np

from stillwatch.worlds.addresses import addresses, autonomous_systems
from stillwatch.worlds.cast import IPV6_SHARE
from stillwatch.worlds.hashing import mix

PACKED = mix(1, np.arange(2_000))


def test_addresses_are_valid_and_public() -> None:
    """IPv4 and IPv6, none of them private."""
    texts = addresses(PACKED, mix(2, np.arange(2_000))).to_pylist()
    parsed = [ipaddress.ip_address(t) for t in texts]

    assert abs(np.mean([p.version == 6 for p in parsed]) - IPV6_SHARE) < 0.03
    assert not any(p.is_private for p in parsed if p.version == 4)


def test_hosts_of_a_network_share_its_prefix() -> None:
    """A /24 in IPv4, a /48 in IPv6; different networks have different ones."""
    texts = addresses(np.repeat(PACKED, 2), mix(3, np.arange(4_000))).to_pylist()
    prefixes = [t.rsplit(".", 1)[0] if "." in t else ":".join(t.split(":")[:3]) for t in texts]

    assert prefixes[::2] == prefixes[1::2]
    assert len(set(prefixes)) > 1_990


def test_a_system_is_a_function_of_the_network() -> None:
    """Its number lies in the public range."""
    packed = np.array([(3 << 32) | 5, (3 << 32) | 9, 4 << 32], np.uint64)

    systems = autonomous_systems(packed)

    assert systems[0] == systems[1] != systems[2]
    assert 1_000 <= systems.min() <= systems.max() < 400_000
