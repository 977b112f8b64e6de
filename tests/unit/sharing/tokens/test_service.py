"""The token service: what it answers, what it refuses, what its keys go through."""

import base64
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.exchanging import Api, basic

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import audit, times
from stillwatch.sharing.taxii.exchange import Options
from stillwatch.sharing.tokens.client import normalise, spell
from stillwatch.sharing.tokens.epochs import Epochs
from stillwatch.sharing.tokens.group import IDENTITY
from stillwatch.sharing.tokens.libsodium import Libsodium
from stillwatch.sharing.tokens.plain import Plain
from stillwatch.sharing.tokens.service import Service, application
from stillwatch.sharing.tokens.voprf import Evaluation, Voprf

VOPRF = Voprf(Libsodium())


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the key of one epoch."""
    Epochs(tmp_path / "keys", Libsodium()).add("2026q4", 184)
    return tmp_path / "keys"


@pytest.fixture
def service(api: Api, keys: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The service over the register of an exchange."""
    with TestClient(application(str(tmp_path / "exchange.db"), keys, Libsodium(), Options())) as client:
        yield client


def ask(service: TestClient, api: Api, elements: Any, who: str = "ada", epoch: str = "2026q4") -> Any:
    """POST a batch."""
    body = {"blinded": [base64.urlsafe_b64encode(e).decode() for e in elements]} if isinstance(elements, list) else elements
    return service.post(f"/tokens/{epoch}/", json=body, headers={"Authorization": basic(who, api.keys[who])})


def test_two_members_get_the_same_token(service: TestClient, api: Api, keys: Path) -> None:
    """Blinded apart, evaluated apart, equal in the end; the proof holds for the published key."""
    headers = {"Authorization": basic("ada", api.keys["ada"])}
    public = bytes.fromhex(service.get("/tokens/", headers=headers).json()["epochs"][0]["public_key"])

    outputs = []
    for who in ("ada", "ben"):
        batch = [VOPRF.blind(b"dx1|acct-email|jane@example.org"), VOPRF.blind(b"other")]
        told = ask(service, api, [one.element for one in batch], who).json()
        evaluated = tuple(base64.urlsafe_b64decode(one) for one in told["evaluated"])
        outputs.append(VOPRF.finalize(public, batch, Evaluation(evaluated, base64.urlsafe_b64decode(told["proof"]))))

    assert outputs[0] == outputs[1]
    assert outputs[0][0] != outputs[0][1]
    assert Epochs(keys, Libsodium()).live()[0].public == public


def test_strangers_and_auditors_get_nothing(service: TestClient, api: Api) -> None:
    """A key is needed, and a role that reads."""
    element = [VOPRF.blind(b"x").element]

    assert service.get("/tokens/").status_code == 401
    assert ask(service, api, element, "aud").status_code == 404


@pytest.mark.parametrize(
    ("elements", "status"),
    [
        ([], 422),
        ({"blinded": "x"}, 422),
        ({"blinded": [5]}, 422),
        ({"blinded": ["!!!"]}, 422),
        ({}, 422),
        ([b"short"], 422),
        ([IDENTITY], 422),
        ([b"\xff" * 32], 422),
        ({"blinded": ["A" * 44] * 10_001}, 422),
        ({"blinded": ["A" * 44] * 30_000}, 413),
    ],
)
def test_bad_batches(service: TestClient, api: Api, elements: Any, status: int) -> None:
    """Empty, malformed, oversized, the identity, what is no element: refused, nothing evaluated."""
    assert ask(service, api, elements).status_code == status


def test_an_unknown_epoch_is_404(service: TestClient, api: Api) -> None:
    """Also one whose name tries to leave the folder."""
    element = [VOPRF.blind(b"x").element]

    assert ask(service, api, element, epoch="2020q1").status_code == 404
    assert ask(service, api, element, epoch="..%2Fkeys").status_code == 404


def test_the_days_quota_bounds_guessing(service: TestClient, api: Api) -> None:
    """Identifiers a day are counted; what would exceed the quota is refused whole; the log has counts only."""
    api.members.change(replace(api.members.get("ada"), limits=replace(api.members.get("ada").limits, tokens_a_day=3)))
    elements = [VOPRF.blind(b"x").element] * 2

    codes = [
        ask(service, api, elements).status_code,
        ask(service, api, elements).status_code,
        ask(service, api, elements[:1]).status_code,
    ]

    assert codes == [200, 429, 200]
    lines = [line.entry for line in audit.lines(api.database, 0, 1_000) if line.entry.action == "tokens"]
    assert [(e.member, e.target, e.detail) for e in lines] == [("ada", "2026q4", "n=2"), ("ada", "2026q4", "n=1")]


def test_a_service_needs_a_backend_that_others_cannot_time(keys: Path) -> None:
    """Plain Python takes its time from the key."""
    with pytest.raises(SharingError, match="libsodium"):
        Service(Epochs(keys, Plain()), Plain())


# ---------------------------------------------------------------- keys


def test_a_key_is_its_owners_only_and_never_replaced(keys: Path) -> None:
    """Mode 0600 in a folder 0700; a second key under the name is refused; its repr hides it."""
    epochs = Epochs(keys, Libsodium())
    path = keys / "2026q4.json"

    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.stat().st_mode & 0o777 == 0o700
    assert str(epochs.live()[0].private) not in repr(epochs.live())
    with pytest.raises(SharingError, match="never replaced"):
        epochs.add("2026q4", 1)


def test_two_epochs_live_at_most_and_ended_ones_are_destroyed(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third is refused; when an epoch ends its key is overwritten and gone."""
    epochs = Epochs(keys, Libsodium())
    epochs.add("2027q1", 300)
    with pytest.raises(SharingError, match="two epochs"):
        epochs.add("2027q2", 1)
    later = times.now_us() + 200 * times.DAY_US
    monkeypatch.setattr(times, "now_us", lambda: later)

    assert [e.name for e in epochs.live()] == ["2027q1"]
    assert not (keys / "2026q4.json").exists()


def test_a_destroyed_key_is_overwritten_first(keys: Path) -> None:
    """A hard link to the file shows zeros afterwards."""
    os.link(keys / "2026q4.json", keys / "copy")

    Epochs(keys, Libsodium()).destroy("2026q4")

    assert set((keys / "copy").read_bytes()) == {0}
    with pytest.raises(SharingError, match="no epoch"):
        Epochs(keys, Libsodium()).destroy("2026q4")


@pytest.mark.parametrize("name", ["", "../x", "Q4", "a" * 17])
def test_names_of_epochs(keys: Path, name: str) -> None:
    """They stand in addresses, files and tokens."""
    with pytest.raises(SharingError, match="name"):
        Epochs(keys, Libsodium()).add(name, 1)


def test_an_open_folder_and_a_damaged_key_are_named(keys: Path) -> None:
    """Nothing is served from keys that others can read or that cannot be read."""
    (keys / "2026q4.json").write_bytes(b"{}")
    with pytest.raises(SharingError, match=r"2026q4\.json"):
        Epochs(keys, Libsodium()).live()
    keys.chmod(0o755)
    with pytest.raises(SharingError, match="chmod 700"):
        Epochs(keys, Libsodium())


# ---------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        ("acct-email", ["jane.doe@gmail.com", " Jane.Doe+shop@GMAIL.com", "janedoe@googlemail.com"]),
        ("acct-email", ["jane.doe@example.org", "Jane.Doe+1@Example.org"]),
        ("acct-phone", ["+49 30 1234567", "0049 (30) 123-4567", "49301234567"]),
        ("pay-par", ["Q1HJZ28RKA1EBL470G9XYG90R5D3E", "q1hjz28rka1ebl470g9xyg90r5d3e"]),
    ],
)
def test_one_identifier_has_one_spelling(kind: str, spellings: list[str]) -> None:
    """Members who write it differently make the same token."""
    assert len({normalise(kind, one) for one in spellings}) == 1


@pytest.mark.parametrize(
    ("kind", "value", "word"),
    [
        ("acct-email", "jane", "e-mail"),
        ("acct-email", "@example.org", "e-mail"),
        ("acct-phone", "12", "telephone"),
        ("pay-par", "4111 1111 1111 1111", "never tokenised"),
        ("pay-par", "short", "EMVCo"),
        ("device", "x", "device"),
        ("iban", "DE00", "kind"),
    ],
)
def test_what_is_no_identifier_is_refused_unquoted(kind: str, value: str, word: str) -> None:
    """Card numbers above all; the value does not stand in the message."""
    with pytest.raises(ValueError, match=word) as caught:
        normalise(kind, value)

    assert len(value) < 5 or value not in str(caught.value)


def test_a_token_fits_the_exchange() -> None:
    """160 bits, in the form that patterns admit."""
    from stillwatch.sharing.taxii.patterns import TOKEN_VALUE

    token = spell("acct-email", "2026q4", bytes(range(64)))

    assert TOKEN_VALUE.fullmatch(token)
    assert len(token.split(".")[-1]) == 27
