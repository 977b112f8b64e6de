"""The register: members, keys, collections, pseudonyms."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.exchanging import PLACE, Api

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import marking, times
from stillwatch.sharing.taxii.members import Collection, Member, Members
from stillwatch.sharing.taxii.sqlite import SqliteDatabase


def place(**changes: object) -> Collection:
    """Another collection."""
    return replace(PLACE, id="0c0f4f6e-0000-4000-8000-000000000001", alias=None, **changes)  # type: ignore[arg-type]


def test_a_key_is_stored_as_a_hash_only(api: Api, tmp_path: Path) -> None:
    """Whoever steals the file has no key: no part of the secret stands in it."""
    secret = api.keys["ada"].split("_", 2)[2].encode()
    api.database.close()

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"ada" in stored
    assert secret not in stored
    assert secret[:12] not in stored


def test_two_keys_live_at_most(api: Api) -> None:
    """A second key allows rotation; a third is refused until one is revoked."""
    second = api.members.issue_key("ada", 30)

    with pytest.raises(SharingError, match="two live keys"):
        api.members.issue_key("ada", 30)
    api.members.revoke_key(api.keys["ada"].split("_")[1])

    assert api.members.authenticate(second) is not None
    assert api.members.authenticate(api.keys["ada"]) is None
    assert api.members.issue_key("ada", 30).startswith("swx_")


def test_an_expired_key_is_none(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key ends on its day without anyone's doing."""
    later = times.now_us() + 31 * times.DAY_US
    monkeypatch.setattr(times, "now_us", lambda: later)

    assert api.members.authenticate(api.keys["ada"]) is None


def test_a_revoked_key_ends_at_once(api: Api) -> None:
    """The very next request is refused."""
    assert api.get("objects/").status_code == 200

    api.members.revoke_key(api.keys["ada"].split("_")[1])

    assert api.get("objects/").status_code == 401


def test_a_disabled_member_is_a_stranger(api: Api) -> None:
    """Disabling works on all keys, and can be undone."""
    api.members.change(replace(api.members.get("ada"), disabled=True))
    refused = api.get("objects/").status_code
    api.members.change(replace(api.members.get("ada"), disabled=False))

    assert (refused, api.get("objects/").status_code) == (401, 200)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "exchange", "-a", "a" * 64, "a:b"])
def test_names_stand_in_headers_and_addresses(api: Api, name: str) -> None:
    """A name that could be mistaken for something else is refused."""
    with pytest.raises(SharingError, match="name"):
        api.members.add(Member(name, "reader"))


def test_a_name_is_taken_once(api: Api) -> None:
    """Registering again is an error that says how to change a member."""
    with pytest.raises(SharingError, match="registered already"):
        api.members.add(Member("ada", "reader"))


def test_an_unknown_role_is_an_error(api: Api) -> None:
    """Roles are a closed list."""
    with pytest.raises(SharingError, match="no role"):
        api.members.change(Member("ada", "king"))


def test_listed_collections_exist_for_their_members_only(api: Api) -> None:
    """Without a grant a listed collection is 404; a grant opens it as far as it goes."""
    hidden = api.members.add_collection(place(listed=True))
    path = f"/api/collections/{hidden.id}/objects/"
    before = api.get(path).status_code
    api.members.grant("ada", hidden, can_read=True, can_write=False)

    assert (before, api.get(path).status_code, api.get(path, who="ben").status_code) == (404, 200, 404)
    assert api.request("POST", path, json={"objects": [api.indicator()]}).status_code == 403


def test_a_collection_one_may_write_but_not_read(api: Api) -> None:
    """A drop box: shown with can_read false, POST is 202, GET is 403."""
    box = api.members.add_collection(place(listed=True))
    api.members.grant("ada", box, can_read=False, can_write=True)
    path = f"/api/collections/{box.id}/"

    told = api.get(path).json()

    assert (told["can_read"], told["can_write"]) == (False, True)
    assert api.get(path + "objects/").status_code == 403
    thing = api.indicator(created_by_ref=told["x_stillwatch_producer"])
    assert api.request("POST", path + "objects/", json={"objects": [thing]}).json()["success_count"] == 1


def test_pseudonyms_differ_from_collection_to_collection(api: Api) -> None:
    """Two collections cannot be joined on who published what."""
    other = api.members.add_collection(place())

    assert api.members.identity("ada", other) not in (None, api.producers["ada"])


def test_tlp_red_needs_a_list(api: Api) -> None:
    """A collection for RED that everyone could read cannot be made."""
    with pytest.raises(SharingError, match="named recipients"):
        api.members.add_collection(place(max_tlp=marking.RED))


@pytest.mark.parametrize("root", ["taxii2", "audit", "metrics", "healthz"])
def test_roots_do_not_hide_the_servers_own_addresses(api: Api, root: str) -> None:
    """An API root with the name of an endpoint would never be reached."""
    with pytest.raises(SharingError, match="address of the server"):
        api.members.add_collection(place(root=root))


def test_members_may_publish_under_identities_of_their_own(api: Api) -> None:
    """Where a collection allows it, the first to use an identity owns it there."""
    open_ = api.members.add_collection(place(pseudonymous=False))
    path = f"/api/collections/{open_.id}/objects/"
    mine = "identity--0c0f4f6e-0000-4000-8000-000000000002"

    first = api.request("POST", path, json={"objects": [api.indicator(created_by_ref=mine)]}).json()
    stolen = api.request("POST", path, who="ben", json={"objects": [api.indicator(created_by_ref=mine)]}).json()

    assert first["success_count"] == 1
    assert "not owner" in stolen["failures"][0]["message"]


def test_a_file_that_is_no_exchange_is_named(tmp_path: Path) -> None:
    """The error names the file and says what is wrong."""
    (tmp_path / "x.db").write_bytes(b"this is no database at all" * 100)

    with pytest.raises(SharingError, match=r"x\.db"):
        SqliteDatabase(str(tmp_path / "x.db"))
    with pytest.raises(SharingError, match="folder"):
        SqliteDatabase(str(tmp_path / "no" / "x.db"))


def test_the_register_survives_a_restart(api: Api, tmp_path: Path) -> None:
    """What was registered is there when the file is opened again."""
    api.database.close()

    again = Members(SqliteDatabase(str(tmp_path / "exchange.db")))

    assert [m.id for m in again.all()] == ["ada", "aud", "ben", "green", "mod", "new"]
    assert sqlite3.connect(tmp_path / "exchange.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)
