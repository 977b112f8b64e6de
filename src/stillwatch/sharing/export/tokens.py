"""
Tokens of a campaign's accounts, from the table that `stillwatch share tokenise` made: core accounts only, and none that a
bystander's account has too. So the table should hold all accounts, not those of the campaign alone.
"""

import csv
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.sharing.export import bystanders
from stillwatch.sharing.hunt.indicators import Wanted
from stillwatch.sharing.taxii.patterns import TOKEN_VALUE


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may leave, with its benign hits per million."""

    written: str
    benign_hits_per_million: float


def read(path: Path, core: Set[str], root: Path, key: Key) -> tuple[list[Token], list[str]]:
    """
    The tokens of a CSV file with the columns `account_id` and `token`, each once, sorted: their order tells nothing.

    Args:
        core: Accounts of the campaign at core; rows of others only count as bystanders.
        root: The store of the scan, in which benign hits are measured.
        key: The key of the store's digests.

    Returns:
        Tokens of core accounts that few others have, and why others were left out.

    Raises:
        SharingError: the file is not such a table, or holds what is no token.
    """
    holders: dict[str, list[str]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                holders.setdefault(row["token"], []).append(row["account_id"])
    except OSError as error:
        raise SharingError(f"{path}: cannot be read ({error.strerror})") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise SharingError(f"{path}: needs the columns account_id and token, as stillwatch share tokenise writes them") from error
    ours = sorted(token for token, accounts in holders.items() if not core.isdisjoint(accounts))
    if not all(isinstance(token, str) and TOKEN_VALUE.fullmatch(token) for token in ours):
        raise SharingError(f"{path}: holds what is no token. Make it with: stillwatch share tokenise")
    wanted = Wanted(tokens={token: token for token in ours})
    told, hits = bystanders.measured(root, wanted, key, holders) if ours else (bystanders.Bystanders(0), {})
    kept, left = [], []
    for token in ours:
        if (refusal := told.refusal(hits.get(token, 0), "come from an account that has it too")) is not None:
            left.append(f"a token: {refusal}")
        else:
            kept.append(Token(token, told.rate(hits.get(token, 0))))
    return kept, left
