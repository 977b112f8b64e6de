"""Which account used which token: recipes, families, configurations and infrastructure, as one sparse matrix."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.candidates.uses import Uses
from stillwatch.engine.base import Engine
from stillwatch.methods.ragged import by_number

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


def accounts_of(engine: Engine) -> Ints:
    """All accounts of the log, ascending."""
    return _column(engine.query("SELECT DISTINCT account FROM signatures ORDER BY account"), "account")


def load(engine: Engine, uses: Uses) -> Incidence:
    """Read the incidence of every layer; a layer whose column is empty adds nothing."""
    kinds, tokens, members = [], [], []
    for number, kind in enumerate(KINDS):
        token, account = uses.pairs(kind) if kind in uses.layers else _sent(engine, kind, uses.accounts)
        tokens.append(token)
        members.append(account)
        kinds.append(np.full(len(token), number, np.int64))
    return _build(uses.accounts, np.concatenate(kinds), np.concatenate(tokens), np.concatenate(members))


def _sent(engine: Engine, kind: str, accounts: Ints) -> tuple[Ints, Ints]:
    """Digest and account number of each pair of a column of `signatures`, once, sorted by both."""
    sql = f"SELECT DISTINCT {kind} AS token, account FROM signatures WHERE {kind} IS NOT NULL ORDER BY token, account"
    pairs = engine.query(sql)
    return _column(pairs, "token"), np.searchsorted(accounts, _column(pairs, "account"))


def _build(accounts: Ints, kinds: Ints, tokens: Ints, members: Ints) -> Incidence:
    changed = np.concatenate(([True], (kinds[1:] != kinds[:-1]) | (tokens[1:] != tokens[:-1])))
    starts = np.flatnonzero(changed) if len(tokens) else np.empty(0, np.int64)
    indptr = np.append(starts, len(tokens)).astype(np.int64)
    of_entry = np.repeat(np.arange(len(starts)), np.diff(indptr))
    account_indptr, account_tokens = by_number(members, of_entry, len(accounts))
    return Incidence(
        accounts=accounts,
        kinds=kinds[starts],
        tokens=tokens[starts],
        indptr=indptr,
        members=members.astype(np.int64),
        account_indptr=account_indptr,
        account_tokens=account_tokens,
    )


def _column(table: pa.Table, name: str) -> Ints:
    return pc.cast(table[name], pa.int64()).to_numpy()
