"""Which account used which token: recipes, families, configurations and infrastructure, as one sparse matrix."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.candidates.uses import Listed, Uses
from stillwatch.engine.base import Engine
from stillwatch.methods.ragged import by_number

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

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
    members: Numbers
    account_indptr: Ints
    account_tokens: Numbers

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
    layers = [uses.lists(kind) if kind in uses.layers else _sent(engine, kind, uses.accounts) for kind in KINDS]
    sizes = np.concatenate([np.diff(layer.starts) for layer in layers])
    members = np.concatenate([layer.account for layer in layers])
    account_indptr, account_tokens = by_number(
        members, np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), len(uses.accounts)
    )
    return Incidence(
        accounts=uses.accounts,
        kinds=np.repeat(np.arange(len(KINDS)), [len(layer.tokens) for layer in layers]),
        tokens=np.concatenate([layer.tokens for layer in layers]),
        indptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        members=members,
        account_indptr=account_indptr,
        account_tokens=account_tokens,
    )


def _sent(engine: Engine, kind: str, accounts: Ints) -> Listed:
    """Who sent with each value of a column of `signatures`."""
    sql = f"SELECT DISTINCT {kind} AS token, account FROM signatures WHERE {kind} IS NOT NULL ORDER BY token, account"
    pairs = engine.query(sql)
    tokens, starts = np.unique(_column(pairs, "token"), return_index=True)
    account = np.searchsorted(accounts, _column(pairs, "account")).astype(np.int32)
    return Listed(tokens, np.append(starts, pairs.num_rows).astype(np.int64), account)


def _column(table: pa.Table, name: str) -> Ints:
    return pc.cast(table[name], pa.int64()).to_numpy()
