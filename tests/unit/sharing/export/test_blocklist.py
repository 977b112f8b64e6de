"""Lists for gateways: nothing without an end, nothing too wide, nothing that one member alone has named."""

from ipaddress import ip_network
from typing import Any

import pytest
from tests.exchanging import indicator, later, marked

from stillwatch.sharing.export import blocklist
from stillwatch.sharing.taxii import marking, times

NOW = times.now_us()
ACTIONABLE = {"labels": ["dx:actionable"]}


def read(*things: Any, actionable: bool = True) -> blocklist.BlockList:
    """The list of these objects now."""
    return blocklist.read(things, NOW, actionable=actionable)


def test_a_network_is_listed_until_it_expires() -> None:
    """Its line says until when, how far it may travel and who says so."""
    thing = indicator(**ACTIONABLE, object_marking_refs=marked(marking.GREEN), confidence=75)

    (line,) = read(thing).lines

    assert str(line.network) == "203.0.113.0/24"
    assert times.write_ms(line.valid_until) == thing["valid_until"]
    assert (line.tlp, line.confidence, line.indicator_id) == (marking.GREEN, 75, thing["id"])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"revoked": True}, "withdrawn"),
        ({"valid_until": "2026-01-02T00:00:00.000Z", "valid_from": "2026-01-01T00:00:00.000Z"}, "expired"),
        ({"valid_until": "for ever"}, "no validity"),
        ({"valid_until": None}, "no validity"),
        ({"valid_until": "2199-01-01T00:00:00.000Z"}, "30 days"),
        ({"pattern": "[artifact:x_dx_minhash = 'x']"}, "no network"),
        ({"pattern_type": "sigma", "pattern": "title: x"}, "no network"),
        ({"pattern": "[ipv4-addr:value = '0.0.0.0/0']"}, "too many bystanders"),
        ({"pattern": "[ipv4-addr:value = '203.0.113.0/24' OR ipv4-addr:value = '0.0.0.0/0']"}, "no network"),
        ({"pattern": "[ipv4-addr:value IN ('203.0.113.0/24', '0.0.0.0/0')]"}, "too many bystanders"),
        ({"pattern": "[ipv4-addr:value = '10.0.0.0/16']"}, "private"),
        ({"pattern": "[ipv4-addr:value = '8.8.8.0/24']"}, "everyone uses"),
        ({"pattern": "[ipv4-addr:value = '203.0.113.0/24\n0.0.0.0/0']"}, "no address"),
        ({"pattern": "[ipv6-addr:value = '::/0']"}, "too many bystanders"),
        ({"labels": ["dx:network"]}, "no second member"),
        ({"labels": "dx:actionable"}, "no second member"),
        ({"id": "indicator--x\n0.0.0.0/0"}, "an id"),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(change: dict[str, Any], why: str) -> None:
    """Hostile, stale and lonely indicators never reach a gateway, and none goes in silence."""
    kept = read(indicator(**ACTIONABLE) | change)

    assert kept.lines == []
    assert [why in told for told in kept.left_out] == [True]


def test_one_member_is_enough_when_asked_for() -> None:
    """`actionable=False` takes what nobody else has seen."""
    assert len(read(indicator(), actionable=False).lines) == 1


def test_the_newest_version_counts_and_the_last_to_expire() -> None:
    """A withdrawal ends an older version; of two indicators of one network the longer one stays."""
    gone = indicator(**ACTIONABLE, pattern="[ipv4-addr:value = '198.51.100.0/24']")
    short, long = indicator(**ACTIONABLE), indicator(**ACTIONABLE)
    short["valid_until"] = times.write_ms(NOW + times.DAY_US)

    kept = read(later(gone, 60, revoked=True), gone, long, short)

    assert [(str(line.network), line.indicator_id) for line in kept.lines] == [("203.0.113.0/24", long["id"])]


def test_lists_of_every_form() -> None:
    """IPv4 before IPv6; CSV, comment and prefix, geo block, and two kinds of set whose elements end by themselves."""
    v6 = indicator(**ACTIONABLE, pattern="[ipv6-addr:value = '2001:db8:1::/48']")
    v6["valid_until"] = times.write_ms(NOW + 2 * times.DAY_US)
    lines = read(v6, indicator(**ACTIONABLE)).lines
    at = times.parse(v6["valid_until"]) - 86_400 * times.SECOND_US

    told = {form: blocklist.write(lines, form, at) for form in blocklist.FORMATS}

    assert told["csv"].splitlines()[0] == "network,valid_until,tlp,confidence,indicator_id"
    assert told["csv"].splitlines()[2].startswith(f"2001:db8:1::/48,{v6['valid_until']},amber+strict,,indicator--")
    assert [one for one in told["cidr"].splitlines() if one[0] != "#"] == ["203.0.113.0/24", "2001:db8:1::/48"]
    assert [ip_network(one.split()[0]).version for one in told["nginx"].splitlines()] == [4, 6]
    assert all(one.split("#")[0].rstrip().endswith("1;") for one in told["nginx"].splitlines())
    assert "add element inet stillwatch peers6 { 2001:db8:1::/48 timeout 86400s }" in told["nft"]
    assert "add stillwatch6 2001:db8:1::/48 timeout 86400" in told["ipset"]
    assert told["ipset"].index("flush stillwatch4") < told["ipset"].index("add stillwatch4 203.0.113.0/24")
    with pytest.raises(ValueError, match="Known"):
        blocklist.write(lines, "hosts", NOW)
