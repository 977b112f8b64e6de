"""
Networks of a campaign, from the member's own list: wide enough not to name a person, shared by enough core accounts, and used by
hardly anyone else: benign hits are counted over the exchanges of the store that no campaign touches.
"""

import csv
import ipaddress
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export import bystanders
from stillwatch.sharing.export.floors import MIN_NETWORK_ACCOUNTS, power_of_two
from stillwatch.sharing.hunt.indicators import Wanted
from stillwatch.sharing.taxii import patterns

_WIDTH = {4: 24, 6: 48}  # what leaves is never narrower: an address can be one household


@dataclass(frozen=True, slots=True)
class Network:
    """A prefix that may leave: rounded support, benign hits per million."""

    prefix: str
    accounts_min: int
    benign_hits_per_million: float


def read(path: Path, core: Collection[str], root: Path, key: Key) -> tuple[list[Network], list[str]]:
    """
    The networks of a CSV file with the columns `account_id` and `network` (address or prefix).

    Args:
        core: Accounts of the campaign at core; rows of others do not count.
        root: The store of the scan, in which benign hits are measured.
        key: The key of the store's digests.

    Returns:
        Networks used by at least five core accounts and by few others, and why others were left out.

    Raises:
        SharingError: the file is not such a table, or the store was made with another key.
    """
    enough, left = _enough(path, core)
    wanted = Wanted()
    for prefix in enough:
        net = ipaddress.ip_network(prefix)
        place = wanted.networks.setdefault((net.version, net.prefixlen), {})
        place[int(net.network_address) >> (net.max_prefixlen - net.prefixlen)] = prefix
    told, hits = bystanders.measured(root, wanted, key, {}) if enough else (bystanders.Bystanders(0), {})
    kept = []
    for prefix, n_accounts in enough.items():
        if (refusal := told.refusal(hits.get(prefix, 0), "come from it")) is not None:
            left.append(f"a network: {refusal}")
        else:
            kept.append(Network(prefix, power_of_two(n_accounts), told.rate(hits.get(prefix, 0))))
    return kept, left


def _enough(path: Path, core: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """Networks with their core accounts, where these are enough, and why others were left out."""
    users: dict[str, set[str]] = defaultdict(set)
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                if row["account_id"] in core:
                    users[_prefix(row["network"])].add(row["account_id"])
    except OSError as error:
        raise SharingError(f"{path}: cannot be read ({error.strerror})") from error
    except (KeyError, ValueError, UnicodeDecodeError, csv.Error) as error:
        raise SharingError(f"{path}: needs the columns account_id and network, with an address or prefix in each row") from error
    kept: dict[str, int] = {}
    left = []
    for prefix, accounts in sorted(users.items()):
        if len(accounts) < MIN_NETWORK_ACCOUNTS:
            left.append(f"a network used by fewer than {MIN_NETWORK_ACCOUNTS} core accounts")
            continue
        kind = "ipv6-addr" if ":" in prefix else "ipv4-addr"
        try:
            patterns.check(f"[{kind}:value = '{prefix}']")
        except patterns.PatternError as refusal:
            left.append(f"a network: {refusal}")
            continue
        kept[prefix] = len(accounts)
    return kept, left


def _prefix(text: str) -> str:
    net = ipaddress.ip_network(text.strip(), strict=False)
    return str(net.supernet(new_prefix=_WIDTH[net.version]) if net.prefixlen > _WIDTH[net.version] else net)
