"""Networks of a campaign, from the member's own list: wide enough not to name a person, shared by enough core accounts."""

import csv
import ipaddress
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import SharingError
from stillwatch.sharing.export.floors import MIN_NETWORK_ACCOUNTS
from stillwatch.sharing.taxii import patterns

_WIDTH = {4: 24, 6: 48}  # what leaves is never narrower: an address can be one household


@dataclass(frozen=True, slots=True)
class Network:
    """A prefix that may leave."""

    prefix: str


def read(path: Path, core: Collection[str]) -> tuple[list[Network], list[str]]:
    """
    The networks of a CSV file with the columns `account_id` and `network` (address or prefix).

    Args:
        core: Accounts of the campaign at core; rows of others do not count.

    Returns:
        Networks used by at least five core accounts, and why others were left out.

    Raises:
        SharingError: the file is not such a table.
    """
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
    kept, left = [], []
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
        kept.append(Network(prefix))
    return kept, left


def _prefix(text: str) -> str:
    net = ipaddress.ip_network(text.strip(), strict=False)
    return str(net.supernet(new_prefix=_WIDTH[net.version]) if net.prefixlen > _WIDTH[net.version] else net)
