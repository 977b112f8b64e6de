"""Isolation: requests of an account that share no rare word with its others, pooled over groups that no wording tells."""

from collections.abc import Mapping

import numpy as np
from benchmarks.quality.channels.base import Floats, Seen

from stillwatch.engine.base import Engine
from stillwatch.evidence.groups import GroupRows, exchanges
from stillwatch.records.tables import GROUPS

MIN_REQUESTS = 4  # of an account
MIN_ACCOUNTS = 10


def isolation(engine: Engine) -> Mapping[int, Seen]:
    """Mean over accounts of the share of isolated requests; docs/research.md, 3.2: told of cells only."""
    groups = engine.read(GROUPS).sort_by("group")
    told = zip(groups["group"].to_pylist(), groups["told_by"].to_pylist(), exchanges(engine, groups, ["tokens"]), strict=True)
    shares = {g: isolated(rows) for g, by, rows in told if by != "wording"}
    return {g: Seen.mean(s) for g, s in shares.items() if len(s) >= MIN_ACCOUNTS}


def isolated(rows: GroupRows) -> Floats:
    """Share of isolated requests of each account with at least MIN_REQUESTS."""
    words = rows.lists["tokens"]
    row = words.of()
    pair = rows.account[row] * 2**32 + (words.values + 2**31)
    _, number, counts = np.unique(pair, return_inverse=True, return_counts=True)
    bound = np.zeros(len(rows.account), np.bool_)
    bound[row[counts[number] > 1]] = True
    sent = np.bincount(rows.account, minlength=rows.n_accounts)
    lone = np.bincount(rows.account, ~bound, minlength=rows.n_accounts)
    able = sent >= MIN_REQUESTS
    return np.asarray(lone[able] / sent[able])
