"""How good a scan of a world was: what it found of what was planted, and whom it accused besides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from scipy import stats

from stillwatch.records.campaign import Document

LICENSED = frozenset({"licensed", "synthetic_data"})  # look just like a campaign: found and told, never counted as false
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Found:
    """One campaign that a scan reported: its id, verdict, and whether an entitlement lifts it."""

    campaign_id: str
    verdict: str
    licensed: bool

    @classmethod
    def all_of(cls, document: Document) -> "list[Found]":
        """Every campaign of a scan."""
        return [cls(c.campaign_id, c.verdict, bool(c.entitlement and c.entitlement.suppressed)) for c in document.campaigns]


@dataclass(frozen=True, slots=True)
class Share:
    """
    A proportion with its exact 95 % interval (Clopper and Pearson 1934).

    >>> Share(0, 1000).interval[1] < 0.004
    True
    """

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """hits / n; None of nothing."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound, 0…1."""
        if not self.n:
            return 0.0, 1.0
        found = stats.binomtest(self.hits, self.n).proportion_ci(CONFIDENCE, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True, slots=True)
class Grade:
    """
    Args:
        planted: Campaign of the truth -> id of the `likely` campaign that is mostly it, or None.
        false_campaigns: `likely`, unlicensed campaigns that are mostly no planted one.
        core_precision, core_recall: Of accounts at `core`, over `likely` campaigns.
        precision, recall: Of accounts at `core` or `probable`.
        false_positives: Benign kind -> accounts at `core` of a `likely` campaign, of all accounts of the kind.
        exchange_precision, exchange_recall: Of attributed exchanges against harvested ones.
        share_error: Mean |campaign_share - true share| over truly found accounts.
    """

    planted: dict[str, str | None]
    false_campaigns: tuple[str, ...]
    core_precision: Share
    core_recall: Share
    precision: Share
    recall: Share
    false_positives: dict[str, Share]
    exchange_precision: Share
    exchange_recall: Share
    share_error: float | None


def grade(truth: Path, results: Path, found: Sequence[Found]) -> Grade:
    """
    Hold the results of a scan against the truth of its world.

    Args:
        truth: The world's `truth` folder.
        results: Folder with `accounts.parquet` and `exchanges.parquet`, account ids as in the log.
        found: The campaigns of `campaigns.json`.
    """
    people = pq.read_table(truth / "accounts.parquet")
    campaign_of = dict(zip(people["account_id"].to_pylist(), people["campaign"].to_pylist(), strict=True))
    kind_of = dict(zip(people["account_id"].to_pylist(), people["kind"].to_pylist(), strict=True))
    likely = {f.campaign_id for f in found if f.verdict in ("likely", "confirmed")}
    rows = [r for r in pq.read_table(results / "accounts.parquet").to_pylist() if r["campaign_id"] in likely]
    core = {r["account_id"] for r in rows if r["membership"] == "core"}
    named = {r["account_id"] for r in rows if r["membership"] in ("core", "probable")}
    harvesters = {a for a, c in campaign_of.items() if c is not None}
    accused = {a: k for a, k in kind_of.items() if campaign_of[a] is None}
    matched = _matched(rows, campaign_of, kind_of)
    exchanges = _exchanges(truth, results, likely)
    kinds = Counter(accused.values())
    hit = Counter(accused[a] for a in core if a in accused)
    judged = {a for a in core if kind_of.get(a) not in LICENSED}, {a for a in named if kind_of.get(a) not in LICENSED}
    return Grade(
        planted={
            c: next((i for i, m in matched.items() if m == c), None) for c in sorted({c for c in campaign_of.values() if c})
        },
        false_campaigns=tuple(sorted(i for i, m in matched.items() if m is None)),
        core_precision=Share(len(judged[0] & harvesters), len(judged[0])),
        core_recall=Share(len(core & harvesters), len(harvesters)),
        precision=Share(len(judged[1] & harvesters), len(judged[1])),
        recall=Share(len(named & harvesters), len(harvesters)),
        false_positives={k: Share(hit[k], n) for k, n in sorted(kinds.items())},
        exchange_precision=exchanges[0],
        exchange_recall=exchanges[1],
        share_error=_share_error(truth, rows, harvesters),
    )


def organisations_of(truth: Path, kind: str) -> list[str]:
    """Organisations of the accounts of one kind, as the log names them."""
    people = pq.read_table(truth / "accounts.parquet").to_pylist()
    return sorted({p["org_id"] for p in people if p["kind"] == kind and p["org_id"]})


def _matched(
    rows: Sequence[dict[str, str]], campaign_of: dict[str, str | None], kind_of: dict[str, str]
) -> dict[str, str | None]:
    """Reported campaign -> what more than half of its accounts are: a planted campaign, "licensed", or None."""
    members: dict[str, list[str]] = {}
    for row in rows:
        if row["membership"] != "touched":
            members.setdefault(row["campaign_id"], []).append(row["account_id"])
    out: dict[str, str | None] = {}
    for name, accounts in members.items():
        told = Counter("licensed" if kind_of.get(a) in LICENSED else campaign_of.get(a) for a in accounts)
        best, n = told.most_common(1)[0]
        out[name] = best if 2 * n > len(accounts) else None
    return out


def _exchanges(truth: Path, results: Path, likely: set[str]) -> tuple[Share, Share]:
    told = pq.read_table(truth / "exchanges.parquet", columns=["exchange_id", "harvested"], filters=[("harvested", "=", True)])
    harvested = set(told["exchange_id"].to_pylist())
    rows = pq.read_table(results / "exchanges.parquet", columns=["exchange_id", "campaign_id"])
    attributed = {e for e, c in zip(rows["exchange_id"].to_pylist(), rows["campaign_id"].to_pylist(), strict=True) if c in likely}
    both = len(attributed & harvested)
    return Share(both, len(attributed)), Share(both, len(harvested))


def _share_error(truth: Path, rows: Sequence[dict[str, str]], harvesters: set[str]) -> float | None:
    told = pq.read_table(truth / "exchanges.parquet", columns=["account_id", "harvested"])
    counts = told.group_by("account_id").aggregate([("harvested", "mean")])
    true = dict(zip(counts["account_id"].to_pylist(), counts["harvested_mean"].to_pylist(), strict=True))
    errors = [
        abs(float(r["campaign_share"]) - true[r["account_id"]])
        for r in rows
        if r["account_id"] in harvesters and r["membership"] != "touched"
    ]
    return sum(errors) / len(errors) if errors else None
