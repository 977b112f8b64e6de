"""Pseudonyms of what names someone."""

import pyarrow as pa
import pytest

from stillwatch.privacy import Key
from stillwatch.signatures.ids import client_family, digests, network_of

KEY = Key(b"k" * 32)


def test_digests_are_those_of_the_key() -> None:
    """
    Each value has the digest that the key gives it, null stays null, also in a slice.
    """
    column = pa.array(["skip", "ann", None, "bob", "ann"]).slice(1)

    assert digests(column, KEY, "account").to_pylist() == [
        KEY.digest("account", "ann"),
        None,
        KEY.digest("account", "bob"),
        KEY.digest("account", "ann"),
    ]


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        (" 192.0.2.1 ", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::9", "2001:db8:1::/48"),
        ("::ffff:192.0.2.9", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("300.1.1.1", "300.1.1.1"),
        ("1.2.3", "1.2.3"),
        ("01.2.3.4", "01.2.3.4"),
        ("", ""),
        ("proxy-a", "proxy-a"),
    ],
)
def test_addresses_of_one_network_are_one(ip: str, network: str) -> None:
    """
    /24 of IPv4, /48 of IPv6, and what is no address stands for itself.
    """
    assert network_of(ip) == network


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("OpenAI/Python 1.52.0", "openai"),
        ("python-requests/2.31", "python-requests"),
        ("curl", "curl"),
        ("Foo(bar) 1", "foo"),
        ("", ""),
    ],
)
def test_a_client_keeps_its_family_through_versions(agent: str, family: str) -> None:
    """
    Version, system and case are left out.
    """
    assert client_family(agent) == family
