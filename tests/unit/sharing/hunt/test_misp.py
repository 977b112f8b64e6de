"""MISP events as indicators: our own feed comes back whole, ordinary events give what can be matched, and the rest is counted."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import Api
from tests.results import a_campaign

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import misp as feed
from stillwatch.sharing.export.behaviours import Behaviour
from stillwatch.sharing.export.bundle import Content, build
from stillwatch.sharing.export.floors import Template
from stillwatch.sharing.export.networks import Network
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.export.rulings import Ruling
from stillwatch.sharing.export.tokens import Token
from stillwatch.sharing.hunt import indicators, misp
from stillwatch.sharing.sigma.rule import Rule
from stillwatch.sharing.taxii import marking, times

NOW = times.now_us()
TOKEN = "dx1.acct-email.2026q4.qguq6-WGOrvxIsMQ9WuTcxp7RU8"
RULE = Rule((("n", 4), ("temperature", 0.7)), "model", 86_400, 8)
PUBLISHER = Publisher("identity--9e57a589-35fa-49a2-8a68-1a5df1a71103", Key(b"m" * 32), marking.CLEAR)


def attribute(**changes: Any) -> dict[str, Any]:
    """An address of an ordinary event."""
    told = {
        "type": "ip-dst",
        "value": "203.0.113.7",
        "to_ids": True,
        "timestamp": str(NOW // 1_000_000),
        "category": "Network activity",
    }
    return told | changes


def read(*attributes: Any, **event: Any) -> misp.Imported:
    """The indicators of one event."""
    return misp.read([({"info": "x", "Attribute": list(attributes)} | event, "")], PUBLISHER, NOW)


def test_our_own_feed_comes_back_whole(tmp_path: Path) -> None:
    """Sketch with its parameters, network, token and behaviour are looked for again, until the day the exporter gave them."""
    today = datetime.now(UTC)
    ruling = Ruling("c-000000000001", "confirmed", "Jo", "stolen cards", f"{today:%Y-%m-%d}T00:00:00Z")
    content = Content(
        a_campaign(),
        ruling,
        [Template("a", bytes(range(128)), 256, 13, 0.4)],
        [Network("203.0.113.0/24", 8, 0.0)],
        "2026q4",
        [Token(TOKEN, 0.0)],
        behaviours=[Behaviour(RULE, 8, 7, 0.0)],
    )
    made = build(content, PUBLISHER, today)
    feed.write(made, tmp_path / "feed", NOW)

    told = misp.read(misp.events(tmp_path / "feed"), PUBLISHER, NOW)
    wanted = indicators.read(told.indicators, "2026q4", NOW)

    assert told.left_out == Counter()
    assert (len(wanted.sketches), list(wanted.tokens), wanted.network_of("203.0.113.9") is not None) == (1, [TOKEN], True)
    assert wanted.sketches[0].sketched == bytes(range(128))
    assert [one.rule for one in wanted.behaviours] == [RULE]
    assert wanted.unread == {}
    days = {one["pattern"]: one["valid_until"] for one in made["objects"] if one["type"] == "indicator"}
    assert {one["pattern"]: one["valid_until"] for one in told.indicators} == days


def test_an_exchange_takes_what_is_imported(api: Api) -> None:
    """The bundle of an ordinary event is pushed as it is."""
    publisher = Publisher(api.producers["ada"], Key(b"m" * 32), marking.GREEN)
    event = {
        "Tag": [{"name": "tlp:amber"}],
        "Object": [{"Attribute": [attribute(value="2001:db8::1")]}],
        "Attribute": [attribute()],
    }
    made = misp.read([(event, "")], publisher, NOW)
    for thing in catalogue.everything():
        api.post([thing], who="mod")

    answer = api.post(misp.bundle(made, publisher)["objects"]).json()

    assert "failures" not in answer
    assert [one["pattern"] for one in made.indicators] == [
        "[ipv4-addr:value = '203.0.113.7']",
        "[ipv6-addr:value = '2001:db8::1']",
    ]
    assert {marking.level("indicator", one["object_marking_refs"]) for one in made.indicators} == {marking.AMBER}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"deleted": True}, "deleted"),
        ({"to_ids": False}, "to_ids"),
        ({"timestamp": "1600000000"}, "expired"),
        ({"timestamp": "soon"}, "without a time"),
        ({"timestamp": "9" * 400}, "without a time"),
        ({"type": "domain"}, "type domain"),
        ({"type": "x\n" * 90}, "type unknown"),
        ({"type": "ai-chat-prompt"}, "type ai-chat-prompt"),
        ({"value": 7}, "without type or value"),
        ({"value": "203.0.113.7' OR ipv4-addr:value = '1.2.3.4"}, "cannot be read"),
        ({"value": "0.0.0.0/0"}, "too many bystanders"),
        ({"value": "10.0.0.1"}, "private"),
        ({"value": "8.8.8.8"}, "everyone uses"),
        ({"Tag": [{"name": "TLP:RED"}]}, "RED"),
        ({"type": "stix2-pattern", "value": "[artifact:x_dx_minhash = 'AAAA']"}, "without its algorithm"),
        ({"type": "stix2-pattern", "value": "[user-account:user_id = 'jane']"}, "dx1 tokens only"),
        ({"type": "stix2-pattern", "value": "[url:value = 'mailto:jane@example.org']"}, "e-mail"),
        ({"type": "stix2-pattern", "value": "no pattern"}, "refuse it"),
    ],
)
def test_what_gives_no_indicator_is_counted(changes: dict[str, Any], why: str) -> None:
    """One reason for one attribute, which quotes nothing of it; its neighbour is read."""
    made = read(attribute(**changes), attribute(value="198.51.100.7"))

    assert [one["pattern"] for one in made.indicators] == ["[ipv4-addr:value = '198.51.100.7']"]
    ((told, n),) = made.left_out.items()
    assert (why in told, n) == (True, 1)
    assert "jane" not in told


def test_hostile_shapes_are_counted_too() -> None:
    """Lists that are none, attributes that are none, tags of anything, one value twice."""
    made = read(3, None, attribute(Tag="x"), attribute(Tag=[3, {"name": 4}]), Object=[7, {"Attribute": "x"}], Tag=[{}])

    assert len(made.indicators) == 1
    assert made.left_out == Counter(
        {"an attribute that is none": 2, "a list of attributes that is none": 2, "the same value again": 1}
    )
    assert marking.level("indicator", made.indicators[0]["object_marking_refs"]) == marking.AMBER_STRICT


def test_files_of_every_form(tmp_path: Path) -> None:
    """An event, MISP's answer to a search, a list; a broken file of a feed does not hide the others."""
    event = {"Event": {"info": "x", "Attribute": [attribute()]}}
    for name, tree in (("a", event), ("b", {"response": [event]}), ("c", [event, event["Event"]])):
        (tmp_path / f"{name}.json").write_text(json.dumps(tree))
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "d.json").write_text("[" * 10_000)
    (tmp_path / "e.json").write_text('{"type":"bundle"}')

    made = misp.read(misp.events(tmp_path), PUBLISHER, NOW)

    assert (made.n_events, len(made.indicators)) == (4, 1)
    assert made.left_out == Counter({"the same value again": 3, "a file of the feed that is no event": 2})
    for path in (tmp_path / "d.json", tmp_path / "e.json", tmp_path / "none.json"):
        with pytest.raises(SharingError, match=path.name):
            list(misp.events(path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SharingError, match="no event"):
        list(misp.events(tmp_path / "empty"))
