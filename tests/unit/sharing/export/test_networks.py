"""Networks and tokens leave where enough core accounts have them and hardly anyone else, measured on the member's own store."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.tables import an_engine, stored

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export import networks, tokens
from stillwatch.sharing.export.tokens import Token

KEY = Key(b"k" * 32)
CORE = {f"a{i}" for i in range(8)}
TOKENS = [f"dx1.acct-email.2026q4.{letter * 27}" for letter in "ABC"]


def a_store(root: Path, bystanders: Sequence[tuple[str, str]], n_others: int = 2_000) -> Path:
    """A store of eight core accounts; of some bystanders, each an account and an address; and of others from nowhere."""
    rows = [(f"a{i % 8}", f"203.0.113.{i % 8}", True) for i in range(160)]
    rows += [(name, ip, False) for name, ip in bystanders] + [(f"o{i}", "192.0.2.1", False) for i in range(n_others)]
    digests = {name: KEY.digest("account", name) for name, _, _ in rows}
    with an_engine(root) as engine:
        stored(
            engine,
            signatures=[
                {"row": i, "account": digests[name], "network": KEY.digest("network", ip.rpartition(".")[0] + ".0/24")}
                for i, (name, ip, _) in enumerate(rows)
            ],
            accounts=[{"account": account, "account_id": name} for name, account in digests.items()],
            members=[{"account": digests[name], "campaign_id": "c", "membership": "core"} for name in sorted(CORE)],
            attributed=[{"row": i, "account": digests[n], "campaign_id": "c"} for i, (n, _, ours) in enumerate(rows) if ours],
        )
    return root


def listed(tmp_path: Path, header: str, rows: Sequence[str]) -> Path:
    """A CSV file."""
    path = tmp_path / "listed.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def test_networks_of_enough_core_accounts_leave_and_no_narrower_than_a_24(tmp_path: Path) -> None:
    """Addresses are widened first; accounts outside the core do not count; private and too wide ones stay."""
    rows = [f"a{i},203.0.113.{i}" for i in range(5)] + [f"a{i},198.51.100.7" for i in range(4)] + ["x,198.51.100.8"]
    rows += [f"a{i},10.0.0.{i}" for i in range(5)] + [f"a{i},2001:db8:1:{i}::1" for i in range(5)]

    kept, left = networks.read(listed(tmp_path, "account_id,network", rows), CORE, a_store(tmp_path / "store", []), KEY)

    assert [(one.prefix, one.accounts_min) for one in kept] == [("2001:db8:1::/48", 4), ("203.0.113.0/24", 4)]
    assert len(left) == 2


@pytest.mark.parametrize(
    ("n", "n_others", "why"), [(0, 20_000, None), (2, 20_000, None), (3, 20_000, "in a million"), (0, 900, "1000")]
)
def test_a_network_of_bystanders_stays(tmp_path: Path, n: int, n_others: int, why: str | None) -> None:
    """More than a hundred benign hits in a million, or too few exchanges to measure by, and it stays; else it says how many."""
    store = a_store(tmp_path / "store", [(f"b{i}", "203.0.113.200") for i in range(n)], n_others)
    path = listed(tmp_path, "account_id,network", [f"a{i},203.0.113.{i}" for i in range(8)])

    kept, left = networks.read(path, CORE, store, KEY)

    if why is None:
        assert [(one.benign_hits_per_million, one.accounts_min) for one in kept] == [(round(n * 1e6 / (n_others + n), 1), 8)]
    else:
        assert kept == []
        assert why in left[0]


def test_nothing_is_measured_without_a_store_or_with_another_key(tmp_path: Path) -> None:
    """Then nothing leaves: a store of another key would show no hit at all."""
    path = listed(tmp_path, "account_id,network", [f"a{i},203.0.113.{i}" for i in range(8)])

    kept, left = networks.read(path, CORE, tmp_path / "none", KEY)

    assert kept == []
    assert "cannot be measured" in left[0]
    with pytest.raises(SharingError, match="another key"):
        networks.read(path, CORE, a_store(tmp_path / "store", []), Key(b"x" * 32))


@pytest.mark.parametrize("text", ["a,b\n1,2", "account_id,network\na0,nowhere", ""])
def test_a_file_that_is_no_list_of_networks_is_named(tmp_path: Path, text: str) -> None:
    """The error names the file and the columns."""
    path = tmp_path / "networks.csv"
    path.write_text(text)
    if text:
        with pytest.raises(SharingError, match="account_id and network"):
            networks.read(path, {"a0", "1"}, tmp_path, KEY)
    with pytest.raises(SharingError, match="cannot be read"):
        networks.read(tmp_path / "none.csv", set(), tmp_path, KEY)


def test_a_token_that_a_bystander_has_too_stays(tmp_path: Path) -> None:
    """Tokens of core accounts leave, each once; not one that an account outside the campaign shares, nor a stranger's."""
    store = a_store(tmp_path / "store", [("b", "198.51.100.1")] * 30, 20_000)
    rows = [f"a0,{TOKENS[0]}", f"a1,{TOKENS[0]}", f"a2,{TOKENS[1]}", f"b,{TOKENS[1]}", f"b,{TOKENS[2]}"]

    kept, left = tokens.read(listed(tmp_path, "account_id,token", rows), CORE, store, KEY)

    assert kept == [Token(TOKENS[0], 0.0)]
    assert left == ["a token: more than 100 in a million benign requests come from an account that has it too"]
