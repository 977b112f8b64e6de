"""Every recipe and family of enough accounts is a candidate by itself: no pairs of accounts are needed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.engine.base import Engine

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """
    A candidate before any test.

    Args:
        group: Digest that names it.
        origin: recipe | family | community.
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


def find(engine: Engine, accounts: Ints, min_accounts: int) -> list[Group]:
    """Recipes, then families of more than one recipe, each with at least `min_accounts` accounts; ordered by digest."""
    found: list[Group] = []
    for origin in ("recipe", "family"):
        several = "WHERE r.family IN (SELECT family FROM recipes GROUP BY family HAVING count(*) > 1)"
        pairs = engine.query(
            f"SELECT DISTINCT r.{origin} AS token, u.account FROM uses u JOIN recipes r ON u.recipe = r.recipe "
            f"{several if origin == 'family' else ''} ORDER BY token, account"
        )
        tokens = pairs["token"].to_numpy()
        members = np.searchsorted(accounts, pairs["account"].to_numpy())
        for begin, end in _runs(tokens):
            if end - begin >= min_accounts:
                token = int(tokens[begin])
                found.append(Group(_named(token, origin), origin, members[begin:end], ((origin, token, 1.0),), (origin,)))
    return found


def _named(token: int, origin: str) -> int:
    """A family shares the digest of its smallest recipe: turn one bit so that both can stand in one table."""
    return token if origin == "recipe" else token ^ 1


def _runs(keys: Ints) -> list[tuple[int, int]]:
    if not len(keys):
        return []
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(keys)], strict=True))
