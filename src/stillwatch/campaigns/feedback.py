"""
What people's rulings teach: the reference set, and how much each family of evidence counts.

Cleared groups join the reference as benign; confirmed ones join it as campaigns and are kept out of the benign ones. The
factors of the families are fitted again where there are rulings enough, within bounds and never below zero, so that evidence
for a campaign can never come to speak against one. Nothing is written here: the caller shows before and after, and a person
applies.

Why not refit everything freely: rulings are few, and are made on what the detector itself picked out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import optimize

from stillwatch.campaigns import judge, reference, score
from stillwatch.engine.base import Engine
from stillwatch.records import tables
from stillwatch.settings import CampaignSettings

Floats = npt.NDArray[np.float64]

MIN_RULINGS = 20  # of each kind, a campaign each: an exact interval of a share is then within 0.25 of it, the bounds' half width
LEAST_FACTOR, MOST_FACTOR = 0.5, 1.5  # of a family: rulings may halve what it says, or add half; never turn it around
BENIGN_KIND = "mixed"  # what a cleared group joins as: a ruling says what it is not
PRIOR_SD = 0.25  # half of the bounds' half width: without anything learnt a factor stays at 1


@dataclass(frozen=True, slots=True)
class Decisions:
    """
    Rulings in the words of the tables; True = confirmed, False = cleared.

    Args:
        campaigns: campaign_id -> decision.
        accounts: Digest of an account -> decision; outweighs that of its campaign.
    """

    campaigns: Mapping[str, bool]
    accounts: Mapping[int, bool]


@dataclass(frozen=True, slots=True)
class Taught:
    """
    A new reference, and how it came about.

    Args:
        known: The new reference.
        n_cleared: Groups of the log that joined it as benign.
        n_confirmed: Groups that joined it as campaigns.
        n_left_out: Benign groups that left it, because they are confirmed ones.
        fusion: What happened to the families' factors, in one sentence.
    """

    known: reference.Reference
    n_cleared: int
    n_confirmed: int
    n_left_out: int
    fusion: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How one campaign stands under one reference; `verdict` is None where it is not even watched."""

    verdict: str | None
    score_bits: float
    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True)
class Moved:
    """One campaign before and after."""

    campaign_id: str
    before: Standing
    after: Standing

    @property
    def moves(self) -> bool:
        """Is its verdict another one?"""
        return self.before.verdict != self.after.verdict


def taught(engine: Engine, settings: CampaignSettings, known: reference.Reference, decisions: Decisions) -> Taught:
    """
    The reference that a scan's own would become under these rulings.

    Args:
        engine: A finished scan: EVIDENCE, GROUPS, GROUP_ACCOUNTS, MEMBERS, CAMPAIGNS, CAMPAIGN_GROUPS.
        settings: How large a group must be.
        known: The reference that the scan was held against.
        decisions: What people ruled on this scan.
    """
    kinds = _kinds(engine, decisions)
    rows = _ruled_rows(engine, settings, decisions, kinds)
    confirmed = rows.filter(pa.array(np.array(rows["kind"].to_pylist(), object) == reference.CAMPAIGN_KIND))
    new = _groups(rows)
    old = np.isin(known.rows["group"].to_numpy(), sorted(new))
    n_left_out = len(_groups(known.rows.filter(pa.array(old))) & _groups(confirmed) - known.ruled)
    merged = pa.concat_tables([known.rows.replace_schema_metadata(None).filter(pa.array(~old)), rows])
    standing = engine.read(tables.CAMPAIGNS, ["campaign_id", "group"]).to_pylist()
    ruled = known.ruled | {c["group"] for c in standing if c["campaign_id"] in decisions.campaigns and c["group"] in new}
    fusion, told = fitted(merged, ruled, known.fusion)
    n_confirmed = len(_groups(confirmed))
    return Taught(
        reference.Reference("own", merged, fusion, frozenset(ruled)), len(new) - n_confirmed, n_confirmed, n_left_out, told
    )


def moved(
    engine: Engine, settings: CampaignSettings, before: reference.Reference, after: reference.Reference
) -> tuple[Moved, ...]:
    """Every campaign that is watched under either reference, and how it stands under both; strongest first."""
    sides = [_standings(engine, settings, known) for known in (before, after)]
    names = {name: group for found, _ in sides for name, group in found.items()}
    rows = [Moved(name, *(_standing(judged, found, name, group) for found, judged in sides)) for name, group in names.items()]
    return tuple(sorted(rows, key=lambda m: (-m.before.score_bits, m.campaign_id)))


def fitted(rows: pa.Table, ruled: frozenset[int] | set[int], before: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """
    Factors of the families from ruled groups: a logistic regression of the decision on each family's net bits.

    Likelihood ratios that say what they mean have factor 1, so that is where the prior stands.

    Args:
        rows: Rows of the reference.
        ruled: Groups a person ruled on, one a campaign.
        before: Factors so far, kept where there are too few rulings.

    Returns:
        family -> factor, and one sentence.
    """
    mine = rows.filter(pa.array(np.isin(rows["group"].to_numpy(), sorted(ruled))))
    kind = dict(zip(mine["group"].to_pylist(), mine["kind"].to_pylist(), strict=True))
    n_confirmed = sum(k == reference.CAMPAIGN_KIND for k in kind.values())
    n_cleared = len(kind) - n_confirmed
    if min(n_confirmed, n_cleared) < MIN_RULINGS:
        kept = "stay as they were" if before else "stay at 1"
        return dict(before), (
            f"{n_confirmed} confirmed and {n_cleared} cleared campaigns so far, and {MIN_RULINGS} of each are needed: "
            f"the factors of the families {kept}"
        )
    families = sorted(set(mine["family"].to_pylist()))
    net, groups = _net_bits(mine, families)
    decision = np.array([kind[g] == reference.CAMPAIGN_KIND for g in groups])
    factors = _factors(net, decision)
    fusion = {family: round(float(f), 3) for family, f in zip(families, factors, strict=True)}
    told = ", ".join(f"{family} × {f:g}" for family, f in fusion.items())
    return fusion, f"fitted on {n_confirmed} confirmed and {n_cleared} cleared campaigns: {told}"


def _factors(net: Floats, decision: npt.NDArray[np.bool_]) -> Floats:
    """Maximum a posteriori factors within the bounds; the base rate is free."""
    nats, sign = net * np.log(2.0), np.where(decision, 1.0, -1.0)

    def loss(x: Floats) -> tuple[float, Floats]:
        margin = sign * (x[0] + nats @ x[1:])
        pull = -sign / (1.0 + np.exp(np.clip(margin, -700.0, 700.0)))
        prior = (x[1:] - 1.0) / PRIOR_SD**2
        gradient = np.concatenate(([pull.sum()], nats.T @ pull + prior))
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * ((x[1:] - 1.0) * prior).sum()), gradient

    start = np.concatenate(([0.0], np.ones(net.shape[1])))
    bounds = [(None, None), *[(LEAST_FACTOR, MOST_FACTOR)] * net.shape[1]]
    return np.asarray(optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[1:], np.float64)


def _net_bits(rows: pa.Table, families: list[str]) -> tuple[Floats, list[int]]:
    """(n_groups, n_families) bits that the score takes of each family, with factor 1; groups ascending."""
    counted = rows.filter(pa.array(score.score(rows).counted))
    groups = sorted(_groups(rows))
    place = np.searchsorted(groups, counted["group"].to_numpy())
    column = np.searchsorted(families, counted["family"].to_pylist())
    net = np.zeros((len(groups), len(families)))
    np.add.at(net, (place, column), counted["weight_bits"].to_numpy())
    return net, groups


def _kinds(engine: Engine, decisions: Decisions) -> dict[int, str]:
    """Account -> "campaign" where it is confirmed, BENIGN_KIND where it is cleared; nobody else."""
    rows = engine.read(tables.MEMBERS, ["campaign_id", "account", "membership"]).to_pylist()
    told: dict[int, str] = {}
    for row in sorted(rows, key=lambda r: decisions.campaigns.get(r["campaign_id"], False)):  # confirmed outweighs cleared
        decision = decisions.campaigns.get(row["campaign_id"])
        if decision is not None and row["membership"] != "touched":
            told[row["account"]] = reference.CAMPAIGN_KIND if decision else BENIGN_KIND
    told |= {a: reference.CAMPAIGN_KIND if confirmed else BENIGN_KIND for a, confirmed in decisions.accounts.items()}
    return told


def _ruled_rows(engine: Engine, settings: CampaignSettings, decisions: Decisions, kinds: Mapping[int, str]) -> pa.Table:
    """
    Reference rows of the groups that the rulings decide.

    These are the groups of a ruled campaign, and those of which most accounts were ruled on; a group of a cleared campaign
    with confirmed accounts in it is neither.
    """
    members = engine.read(tables.GROUP_ACCOUNTS, ["group", "account"])
    by_account = {a: kinds.get(a, "") for a in members["account"].to_pylist()}
    rows = reference.labelled(engine.read(tables.EVIDENCE), engine.read(tables.GROUPS), members, by_account, 0, settings)
    parts = engine.read(tables.CAMPAIGN_GROUPS).to_pylist()
    cleared = {p["group"] for p in parts if _said(decisions, p) is False}
    confirmed = {p["group"] for p in parts if _said(decisions, p)}
    majority = _majority(members, kinds)
    told = [
        reference.CAMPAIGN_KIND
        if group in confirmed
        else None
        if kind == reference.CAMPAIGN_KIND and group in cleared
        else BENIGN_KIND
        if group in cleared
        else majority.get(group)
        for group, kind in zip(rows["group"].to_pylist(), rows["kind"].to_pylist(), strict=True)
    ]
    column = rows.column_names.index("kind")
    return rows.set_column(column, "kind", pa.array(told, pa.string())).filter(pa.array([k is not None for k in told]))


def _said(decisions: Decisions, part: Mapping[str, object]) -> bool | None:
    return decisions.campaigns.get(str(part["campaign_id"]))


def _majority(members: pa.Table, kinds: Mapping[int, str]) -> dict[int, str]:
    """The kind of the groups of which most accounts were ruled on alike."""
    groups, accounts = members["group"].to_numpy(), members["account"].to_pylist()
    told = np.array([kinds.get(a, "") for a in accounts], object)
    names, number, size = np.unique(groups, return_inverse=True, return_counts=True)
    out: dict[int, str] = {}
    for kind in sorted(set(kinds.values())):
        share = np.bincount(number, told == kind, minlength=len(names)) / size
        out |= dict.fromkeys(names[share >= reference.MOSTLY].tolist(), kind)
    return out


def _groups(rows: pa.Table) -> set[int]:
    return set(rows["group"].to_pylist())


def _standings(
    engine: Engine, settings: CampaignSettings, known: reference.Reference
) -> tuple[dict[str, int], tuple[dict[int, str], judge.Judged]]:
    judged = judge.test(engine, settings, known)
    table, _ = judge.verdicts(engine, judged, settings, known)
    names = dict(zip(table["campaign_id"].to_pylist(), table["group"].to_pylist(), strict=True))
    verdicts = dict(zip(table["group"].to_pylist(), table["verdict"].to_pylist(), strict=True))
    return names, (verdicts, judged)


def _standing(judged: tuple[dict[int, str], judge.Judged], found: Mapping[str, int], name: str, group: int) -> Standing:
    verdicts, tested = judged
    place = int(np.searchsorted(tested.groups, group))
    verdict = verdicts.get(group) if name in found else None
    return Standing(verdict, float(tested.bits[place]), float(tested.p[place]), float(tested.q[place]))
