"""Tokens of a campaign's accounts, from the table that `stillwatch share tokenise` made: core accounts only."""

import csv
from collections.abc import Collection
from pathlib import Path

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii.patterns import TOKEN_VALUE


def read(path: Path, core: Collection[str]) -> list[str]:
    """
    The tokens of a CSV file with the columns `account_id` and `token`, each once, sorted: their order tells nothing.

    Args:
        core: Accounts of the campaign at core; rows of others stay.

    Raises:
        SharingError: the file is not such a table, or holds what is no token.
    """
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            tokens = {row["token"] for row in csv.DictReader(lines) if row["account_id"] in core}
    except OSError as error:
        raise SharingError(f"{path}: cannot be read ({error.strerror})") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise SharingError(f"{path}: needs the columns account_id and token, as stillwatch share tokenise writes them") from error
    if not all(isinstance(token, str) and TOKEN_VALUE.fullmatch(token) for token in tokens):
        raise SharingError(f"{path}: holds what is no token. Make it with: stillwatch share tokenise")
    return sorted(tokens)
