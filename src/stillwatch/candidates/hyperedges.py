"""Every recipe, family and cell of settings of enough accounts is a candidate by itself: no pairs of accounts are needed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.candidates.uses import Uses
from stillwatch.engine.base import Engine

Ints = npt.NDArray[np.int64]

MAX_CELL_SHARE = 0.2  # of all accounts, as of a token in graph.py: settings that a fifth of everybody has link nobody
_CONFIG, _CLIENT = np.int64(0x9E3779B97F4A7C1), np.int64(0x2545F4914F6CDD1D)  # odd: products of digests stay digests


@dataclass(frozen=True, slots=True)
class Group:
    """
    A candidate before any test.

    Args:
        group: Digest that names it.
        origin: recipe | family | cell | community.
        members: Ascending account numbers (of the incidence).
        tokens: What ties it together: (kind, token, lift).
        speaking: Kinds of token that an exchange must carry for the evidence to look at it; none = all exchanges of the members.
    """

    group: int
    origin: str
    members: Ints
    tokens: tuple[tuple[str, int, float], ...]
    speaking: tuple[str, ...] = ()

    @property
    def told_by(self) -> str:
        """What tells the group's exchanges, in one word."""
        if not self.speaking:
            return "accounts"
        return "settings" if "config" in self.speaking else "wording"


def find(uses: Uses, min_accounts: int) -> list[Group]:
    """Recipes, then families of more than one recipe, each with at least `min_accounts` accounts; ordered by digest."""
    found: list[Group] = []
    for origin in ("recipe", "family"):
        listed = uses.lists(origin)
        for at in np.flatnonzero(np.diff(listed.starts) >= min_accounts).tolist():
            token, members = int(listed.tokens[at]), listed.account[listed.starts[at] : listed.starts[at + 1]]
            found.append(Group(_named(token, origin), origin, members.astype(np.int64), ((origin, token, 1.0),), (origin,)))
    return found


def cells(engine: Engine, accounts: Ints, min_accounts: int) -> list[Group]:
    """
    Accounts that send with the same settings from the same client, each such cell of at least `min_accounts`; ordered by digest.

    A fleet without templates has nothing else in common: one program sends for all of it. Popular programs make cells as well,
    which is why a cell of more than a fifth of all accounts is none, and why the evidence decides.
    """
    pairs = engine.query(
        "SELECT DISTINCT config, coalesce(client, 0) AS client, account FROM signatures WHERE config IS NOT NULL "
        "ORDER BY config, client, account"
    )
    config, client = (pairs[name].to_numpy() for name in ("config", "client"))
    with np.errstate(over="ignore"):
        name = (config * _CONFIG) ^ (client * _CLIENT)
    members = np.searchsorted(accounts, pairs["account"].to_numpy())
    found = []
    for begin, end in _runs(name):
        if min_accounts <= end - begin <= max(min_accounts, MAX_CELL_SHARE * len(accounts)):
            lift = len(accounts) / (end - begin)
            tokens = (("config", int(config[begin]), lift),)
            found.append(Group(int(name[begin]), "cell", members[begin:end], tokens, ("config",)))
    return sorted(found, key=lambda g: g.group)


def _named(token: int, origin: str) -> int:
    """A family shares the digest of its smallest recipe: turn one bit so that both can stand in one table."""
    return token if origin == "recipe" else token ^ 1


def _runs(keys: Ints) -> list[tuple[int, int]]:
    if not len(keys):
        return []
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(keys)], strict=True))
