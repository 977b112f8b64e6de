"""Which account used which token: recipes, families, configurations and infrastructure, as one sparse matrix."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.engine.base import Engine

Ints = npt.NDArray[np.int64]

KINDS = ("bundle", "client", "config", "device", "family", "network", "payment")


@dataclass(frozen=True, slots=True)
class Incidence:
    """
    The bipartite graph of accounts and tokens.

    Args:
        accounts: (n_accounts,) digests, ascending; an account's number is its place here.
        kinds: (n_tokens,) index into KINDS.
        tokens: (n_tokens,) digests; (kind, token) ascending.
        indptr, members: token -> ascending account numbers.
        account_indptr, account_tokens: account number -> token numbers.
    """

    accounts: Ints
    kinds: Ints
    tokens: Ints
    indptr: Ints
    members: Ints
    account_indptr: Ints
    account_tokens: Ints

    @property
    def n_accounts(self) -> int:
        """Accounts of the whole log."""
        return len(self.accounts)

    @property
    def sizes(self) -> Ints:
        """(n_tokens,) accounts of each token."""
        return np.diff(self.indptr)

    def kind_name(self, token: int) -> str:
        """The kind of one token number."""
        return KINDS[self.kinds[token]]


_LAYERS = {
    "bundle": "SELECT DISTINCT r.bundle AS token, u.account FROM uses u JOIN recipes r ON u.recipe = r.recipe",
    "family": (
        "SELECT DISTINCT r.family AS token, u.account FROM uses u JOIN recipes r ON u.recipe = r.recipe "
        "WHERE r.family IN (SELECT family FROM recipes GROUP BY family HAVING count(*) > 1)"
    ),
    **{
        kind: f"SELECT DISTINCT {kind} AS token, account FROM signatures WHERE {kind} IS NOT NULL"
        for kind in ("client", "config", "device", "network", "payment")
    },
}


def load(engine: Engine) -> Incidence:
    """Read the incidence of every layer; a layer whose column is empty adds nothing."""
    accounts = _column(engine.query("SELECT DISTINCT account FROM signatures ORDER BY account"), "account")
    kinds, tokens, members = [], [], []
    for number, kind in enumerate(KINDS):
        pairs = engine.query(_LAYERS[kind] + " ORDER BY token, account")
        tokens.append(_column(pairs, "token"))
        members.append(np.searchsorted(accounts, _column(pairs, "account")))
        kinds.append(np.full(pairs.num_rows, number, np.int64))
    return _build(accounts, np.concatenate(kinds), np.concatenate(tokens), np.concatenate(members))


def _build(accounts: Ints, kinds: Ints, tokens: Ints, members: Ints) -> Incidence:
    changed = np.concatenate(([True], (kinds[1:] != kinds[:-1]) | (tokens[1:] != tokens[:-1])))
    starts = np.flatnonzero(changed) if len(tokens) else np.empty(0, np.int64)
    indptr = np.append(starts, len(tokens)).astype(np.int64)
    of_entry = np.repeat(np.arange(len(starts)), np.diff(indptr))
    order = np.lexsort((of_entry, members))
    counts = np.bincount(members, minlength=len(accounts))
    return Incidence(
        accounts=accounts,
        kinds=kinds[starts],
        tokens=tokens[starts],
        indptr=indptr,
        members=members.astype(np.int64),
        account_indptr=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        account_tokens=of_entry[order].astype(np.int64),
    )


def _column(table: pa.Table, name: str) -> Ints:
    return pc.cast(table[name], pa.int64()).to_numpy()
