"""Pseudonyms of what names someone."""

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.privacy import Key
from stillwatch.signatures.ids import client_family, digests, network_of, networks

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


_ODD = [
    "::", "::1", "1::", ":::", "::ffff:1.2.3.4", "::ffff:102:304", "0:0:0:0:0:ffff:1:2", "::1.2.3.4", "1::2::3",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "FE80::1%eth0", "12345::",
    "0:0::", "1::2:", " 1.2.3.4", "01.2.3.4", "1.2.3.256", "1.2..4", "1.2.3.4.5", "1.2.3.0/24", "", "proxy",
]  # fmt: skip
_ADDRESSES = (
    st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda a: a.exploded.upper())
    | st.integers(0, 2**48 - 1).map(lambda n: str(ipaddress.IPv6Address(n << 80)))
    | st.text("0a:F.1", max_size=12)
    | st.sampled_from(_ODD)
    | st.none()
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(_ADDRESSES, min_size=1, max_size=40))
def test_a_column_of_addresses_is_cut_as_one_address_is(ips: list[str | None]) -> None:
    """
    Plain addresses, cut by a kernel, have the digests that the slow way gives them; so has everything else.
    """
    told = networks(pa.array(["skip", *ips], pa.string()).slice(1), KEY).to_pylist()

    assert told == [None if ip is None else KEY.digest("network", network_of(ip)) for ip in ips]


@pytest.mark.parametrize("ip", _ODD)
def test_odd_addresses_are_cut_as_one_address_is(ip: str) -> None:
    """
    Each odd writing alone.
    """
    assert networks(pa.array([ip]), KEY).to_pylist() == [KEY.digest("network", network_of(ip))]


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
