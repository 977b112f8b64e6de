"""Did other providers see what the group does?"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.engine.base import Engine
from stillwatch.evidence import examples
from stillwatch.evidence.base import Example, Statement, statements_table
from stillwatch.evidence.rates import MeetingRates, shipped
from stillwatch.methods.adoption import excess_bits
from stillwatch.records.tables import PEER_HITS
from stillwatch.records.window import Window

Ints = NDArray[np.int64]

UNSEEN_PER_MILLION = 150.0  # upper 95 % limit where none of 20,000 benign texts hit (rule of three); no publisher measures more
_WORDS = {
    "template": "send a template that a peer published",
    "contract": "ask for answers in a form that a peer published",
    "token": "are accounts that a peer published as tokens",
    "network": "come from a network that a peer published",
    "behaviour": "set their sampling as a peer's rule says, many within a day",
}


@dataclass(frozen=True)
class Peers:
    """
    Ask whether the accounts of a group do what peers published of a campaign, more than ordinary accounts do.

    A peer's word is one witness and no proof: it can be mistaken, stale or planted. So the weight is bounded by the share of
    ordinary groups that an indicator may hit like a campaign, it never moves a p-value, and a family alone makes no verdict
    above `watched`. A network or a behaviour alone never makes a family, and accounts that meet on a card or device, as a peer
    says of his, are weighed by `payment_collisions` and its like and not here again. No hit says nothing: most campaigns nobody
    has published.

    Null: beta-binomial over accounts; the expectation is the rate that the publisher measured on benign requests (never
    trusted below the 150 in a million that 20,000 texts without a hit leave open), over each account's exchanges, and at least
    the base rate of the kind; a share of ordinary groups that is hit like a campaign bounds the weight.
    Formula: log2 of (reach × any share + rest × null) over (stray × any share + rest × null), less log2 of the indicators that
    hit the group; never below 0.
    Blind to: what no peer published; templates hidden in much other text, whose contract may still hit.
    Cost: one join of the group's exchanges with the hits.

    References:
        docs/research.md, exchange. rates.json, block peers. Cap: the bound above for tokens, rounded up.
    """

    name: ClassVar[str] = "peers"
    family: ClassVar[str] = "peers"
    needs: ClassVar[frozenset[str]] = frozenset({PEER_HITS.name})
    cap_bits: ClassVar[float] = 6.0

    def detect(self, engine: Engine, groups: pa.Table, window: Window) -> pa.Table:
        """One row of `evidence` a group; `n` counts accounts."""
        sent, hits = _sent(engine, groups), _hits(engine, groups)
        said = (_statement(sent.get(g, _NOBODY), hits.get(g, []), shipped().peers) for g in groups["group"].to_pylist())
        return statements_table(self, groups, said)

    def examples(self) -> tuple[Example, ...]:
        """Logs that show it."""
        return (
            Example("thirty accounts send a peer's template", examples.seen_by_peers("template"), "for"),
            Example("thirty accounts in a peer's network, and nothing else", examples.seen_by_peers("network"), "for"),
            Example("one request of one account hits", examples.seen_once_by_peers(), "nothing"),
            Example("nobody does what peers saw", examples.own_clocks(), "nothing"),
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """What one indicator hit in one group: its kind, its published rate, accounts and exchanges."""

    kind: str
    per_million: float | None
    n_accounts: int
    n_exchanges: int


_NOBODY: Ints = np.empty(0, np.int64)


def _sent(engine: Engine, groups: pa.Table) -> dict[int, Ints]:
    """Exchanges of each account, by group."""
    sql = """
        SELECT e."group", count(DISTINCT e.row) AS n FROM group_exchanges e JOIN wanted w ON e."group" = w."group"
        GROUP BY e."group", e.account ORDER BY e."group", n
    """
    found = engine.query(sql, wanted=groups.select(["group"]))
    names, starts = np.unique(found["group"].to_numpy(), return_index=True)
    return dict(zip(names.tolist(), np.split(found["n"].to_numpy().astype(np.int64), starts[1:]), strict=False))


def _hits(engine: Engine, groups: pa.Table) -> dict[int, list[Hit]]:
    sql = """
        SELECT e."group", h.indicator_id, h.kind, max(h.benign_hits_per_million) AS per_million,
               count(DISTINCT e.account) AS n_accounts, count(DISTINCT e.row) AS n_exchanges
        FROM group_exchanges e JOIN wanted w ON e."group" = w."group" JOIN peer_hits h ON h.row = e.row
        GROUP BY e."group", h.indicator_id, h.kind ORDER BY e."group", h.indicator_id, h.kind
    """
    out: dict[int, list[Hit]] = {}
    for row in engine.query(sql, wanted=groups.select(["group"])).to_pylist():
        hit = Hit(row["kind"], row["per_million"], row["n_accounts"], row["n_exchanges"])
        out.setdefault(row["group"], []).append(hit)
    return out


def _statement(sent: Ints, hits: list[Hit], rates: dict[str, MeetingRates]) -> Statement:
    told = list(_each(sent, hits, rates))
    if not told:
        return Statement(0.0, "No exchange of the group hits an indicator of a peer", int(sent.size))
    best = max(told, key=lambda s: s.weight_bits)
    return Statement(max(best.weight_bits - log2(len(told)), 0.0), best.reason, best.n, best.statistic, best.null_mean)


def _each(sent: Ints, hits: list[Hit], rates: dict[str, MeetingRates]) -> Iterator[Statement]:
    for hit in hits:
        known = rates.get(hit.kind)
        if known is None:  # of a newer release; or a collision, which the detectors of that name weigh already
            continue
        usual = expected_share(sent, hit.per_million, known.base)
        bits = excess_bits(hit.n_accounts, sent.size, usual, known.dispersion, known.reach, known.stray)
        reason = (
            f"{hit.n_accounts:,} of {sent.size:,} accounts {_WORDS[hit.kind]} ({hit.n_exchanges:,} exchanges), "
            f"where {usual:.1%} of ordinary accounts would at most"
        )
        yield Statement(bits, reason, int(sent.size), hit.n_accounts / sent.size, usual)


def expected_share(sent: Ints, per_million: float | None, base: float) -> float:
    """
    Share of ordinary accounts that would be hit at least once, by what its publisher measured.

    Args:
        sent: (n_accounts,) exchanges of each.
        per_million: Benign hits in a million requests; None where it was not measured.
        base: What is never gone below.

    >>> round(expected_share(np.array([10, 10]), 1_000.0, 0.001), 4), expected_share(np.array([1]), 0.0, 0.001)
    (0.01, 0.001)
    """
    rate = max(per_million or 0.0, UNSEEN_PER_MILLION) / 1e6
    hit = float(np.mean(-np.expm1(sent * np.log1p(-min(rate, 0.999999))))) if sent.size else 0.0
    return min(max(hit, base), 0.95)
