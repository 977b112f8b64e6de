"""Clients that others wrote work against the exchange: taxii2-client, and stix2's TAXII source and sink on top of it."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.exchanging import NO_LIMITS, PLACE, indicator, later
from tests.serving import Served

from stillwatch.sharing.taxii import database, marking
from stillwatch.sharing.taxii.members import Member, Members

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both use what their own dependencies have deprecated
    import stix2
    from taxii2client.v21 import Server, as_pages

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """A collection as taxii2-client sees it, signed in as a contributor, and that member's identity."""
    store = str(tmp_path / "exchange.db")
    opened = database.connect(store)
    members = Members(opened)
    place = members.add_collection(PLACE)
    members.add(Member("ada", "contributor", limits=NO_LIMITS))
    key, identity = members.issue_key("ada", 1), members.identity("ada", place)
    assert identity is not None
    opened.close()
    served = Served(store)
    served.start()
    try:
        server = Server(served.url + "/taxii2/", user="ada", password=key)
        yield server.api_roots[0].collections[0], identity
    finally:
        served.stop()


def test_taxii2_client_discovers(remote: tuple[Any, str]) -> None:
    """Discovery, API root, collection and its rights are read."""
    collection, _ = remote

    assert collection.title == "Campaigns"
    assert (collection.can_read, collection.can_write) == (True, True)
    assert collection.media_types == ["application/stix+json;version=2.1"]


def test_taxii2_client_writes_pages_and_deletes(remote: tuple[Any, str]) -> None:
    """Objects are added, listed in pages, filtered, versioned and deleted."""
    collection, identity = remote
    things = [indicator(created_by_ref=identity) for _ in range(25)]

    status = collection.add_objects({"objects": things})

    assert (status.status, status.success_count, status.failure_count) == ("complete", 25, 0)
    got = [thing["id"] for page in as_pages(collection.get_objects, per_request=10) for thing in page["objects"]]
    assert got == [thing["id"] for thing in things]
    listed = [line["id"] for page in as_pages(collection.get_manifest, per_request=7) for line in page["objects"]]
    assert listed == got
    newer = later(things[0], 60)
    collection.add_objects(json.dumps({"objects": [newer]}))
    assert collection.get_object(newer["id"])["objects"] == [newer]
    assert collection.object_versions(newer["id"])["versions"] == [things[0]["modified"], newer["modified"]]
    collection.delete_object(newer["id"], version="all")
    assert len(collection.get_objects(type="indicator")["objects"]) == 24


def test_stix2_reads_and_writes_through_it(remote: tuple[Any, str]) -> None:
    """TAXIICollectionSink stores, TAXIICollectionSource finds by id, by filter and in all versions, strictly parsed."""
    collection, identity = remote
    sink, source = stix2.TAXIICollectionSink(collection), stix2.TAXIICollectionSource(collection)
    things = [stix2.parse(indicator(created_by_ref=identity)) for _ in range(3)]
    tlp = stix2.parse(marking.definition(marking.GREEN), allow_custom=True)

    for thing in [*things, tlp]:
        sink.add(thing)

    assert source.get(things[1].id) == things[1]
    assert {thing.id for thing in source.query([stix2.Filter("type", "=", "indicator")])} == {thing.id for thing in things}
    assert [thing.modified for thing in source.all_versions(things[0].id)] == [things[0].modified]
