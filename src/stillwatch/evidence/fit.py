"""
Rates from labelled groups: what `rates.json` is made of.

Pure functions over the table `evidence` and the share of each group's exchanges that a campaign harvested, which only
worlds (or a reviewed log) know. Every law is fitted with the uncertainty of each observation taken out of its spread.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import log

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.evidence.rates import (
    CountLaw,
    DuplicateFillRates,
    MeetingRates,
    NormalLaw,
    PersistenceRates,
    Rates,
    StrikingRates,
    SynchronyRates,
)
from stillwatch.methods.adoption import log_betabinomial

BENIGN_BELOW = 0.05  # of a group's exchanges harvested: not a group that a campaign made
DILUTED_BELOW = 0.9
CAMPAIGN_FROM = 0.4  # below, no detector is asked to see it: docs/why.md, what cannot be found
LIST_FROM = 0.05  # overlap from which a benign group is taken to share a list
MIN_GROUPS = 20  # a law is refitted from so many groups, else kept
MIN_SD = 0.15
MAX_REACH = 0.7  # worlds show what we thought of; operators who avoid a channel must lose little by it
ORDINARY_SHARE = 0.975  # of benign groups make the ordinary law of synchrony, the others are what `stray` counts
DISPERSIONS = np.geomspace(0.005, 0.6, 25)
MEANS = np.concatenate([np.geomspace(0.002, 0.2, 25), np.linspace(0.25, 0.95, 15)])

Floats = NDArray[np.float64]


def fit(evidence: pa.Table, harvested: Mapping[int, float], before: Rates, provenance: str) -> Rates:
    """
    Refit every block that has enough groups; the others stay as they were.

    Benign groups that share a list speak for `duplicate_fill` only: it is the one that tells them apart, and what is left
    is what the other detectors call ordinary.

    Args:
        evidence: Table `evidence` over labelled groups, made with `before`.
        harvested: Share of each group's exchanges that a campaign harvested, 0…1; groups not named are left out
            (licensed distillers and synthetic-data companies should be).
        before: Rates that `evidence` was made with.
        provenance: One sentence: which worlds, which seeds, which commit.
    """
    seen = {
        d: _Seen(evidence.filter(pc.equal(evidence["detector"], d)), harvested)
        for d in pc.unique(evidence["detector"]).to_pylist()
    }
    rates = replace(before, provenance=provenance)
    lists = seen["duplicate_fill"].groups_from(LIST_FROM) if "duplicate_fill" in seen else frozenset()
    seen = {name: told if name == "duplicate_fill" else told.without(lists) for name, told in seen.items()}
    if "persistence" in seen:
        rates = replace(rates, persistence=_persistence(seen["persistence"], before))
    if "duplicate_fill" in seen:
        rates = replace(rates, duplicate_fill=_duplicate_fill(seen["duplicate_fill"], before))
    if "synchrony" in seen:
        rates = replace(rates, synchrony=_synchrony(seen["synchrony"], before))
    if "signups" in seen:
        rates = replace(rates, signups=_striking(seen["signups"], before.signups))
    if "volumes" in seen:
        rates = replace(rates, volumes=_striking(seen["volumes"], before.volumes))
    if "relay" in seen:
        rates = replace(rates, relay=_meeting(seen["relay"], before.relay))
    if "replay" in seen:
        rates = replace(rates, replay=_meeting(seen["replay"], before.replay))
    if "model_pivot" in seen:
        old = before.pivot
        dispersion, reach, stray = _excess(seen["model_pivot"], 0.0, old.dispersion, old.reach, old.stray)
        rates = replace(rates, pivot=replace(old, dispersion=dispersion, reach=reach, stray=stray))
    met = {f: _meeting(seen[f"{f}_collisions"], r) if f"{f}_collisions" in seen else r for f, r in before.infrastructure.items()}
    return replace(rates, infrastructure=met)


def to_json(rates: Rates) -> bytes:
    """The text of a rates file."""
    return orjson.dumps({"version": 1, **asdict(rates)}, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n"


def normal_law(values: Floats, errors: Floats, before: NormalLaw) -> NormalLaw:
    """
    Normal law of values that are each known to within an error, by maximum likelihood.

    >>> rng = np.random.default_rng(1)
    >>> errors = np.full(4_000, 0.5)
    >>> law = normal_law(rng.normal(2.0, 0.8, 4_000) + rng.normal(0, 0.5, 4_000), errors, NormalLaw(0, 1))
    >>> round(law.mean, 1), round(law.sd, 1)
    (2.0, 0.8)
    """
    if values.size < MIN_GROUPS:
        return before
    spread = max(float(values.std()), MIN_SD)
    best = (-np.inf, before)
    for sd in np.geomspace(MIN_SD, 2 * spread, 60):
        weights = 1 / (sd**2 + errors**2)
        mean = float((weights * values).sum() / weights.sum())
        likelihood = float((np.log(weights) - weights * (values - mean) ** 2).sum())
        if likelihood > best[0]:
            best = (likelihood, NormalLaw(round(mean, 3), round(float(sd), 3)))
    return best[1]


def count_law(k: NDArray[np.int64], n: NDArray[np.int64], before: CountLaw) -> CountLaw:
    """
    Beta-binomial law of counts, by maximum likelihood on a grid.

    >>> rng = np.random.default_rng(1)
    >>> n = np.full(2_000, 50)
    >>> law = count_law(rng.binomial(n, rng.beta(2.0, 18.0, 2_000)), n, CountLaw(0.5, 0.5))
    >>> abs(law.mean - 0.1) < 0.02, abs(law.dispersion - 1 / 21) < 0.02
    (True, True)
    """
    if k.size < MIN_GROUPS:
        return before
    pairs, times = np.unique(np.stack([k, n], 1), axis=0, return_counts=True)
    best = (-np.inf, before)
    for mean in MEANS:
        for dispersion in DISPERSIONS:
            told = [log_betabinomial(int(a), int(b), float(mean), float(dispersion)) for a, b in pairs]
            likelihood = float(np.dot(times, told))
            if likelihood > best[0]:
                best = (likelihood, CountLaw(round(float(mean), 4), round(float(dispersion), 4)))
    return best[1]


class _Seen:
    """What one detector saw of the labelled groups that it could tell anything of."""

    def __init__(self, rows: pa.Table, harvested: Mapping[int, float]) -> None:
        rows = rows.filter(
            pc.and_(pc.is_valid(rows["statistic"]), pc.is_in(rows["group"], pa.array(list(harvested), pa.int64())))
        )
        self.group = rows["group"].to_numpy()
        self.statistic: Floats = rows["statistic"].to_numpy()
        self.null_mean: Floats = pc.fill_null(rows["null_mean"], 0.0).to_numpy()
        self.null_sd: Floats = pc.fill_null(rows["null_sd"], 0.0).to_numpy()
        self.n: NDArray[np.int64] = rows["n"].to_numpy()
        self.harvested: Floats = np.array([harvested[g] for g in self.group.tolist()])

    def groups_from(self, statistic: float) -> frozenset[int]:
        """Benign groups whose statistic is at least this."""
        return frozenset(self.group[(self.statistic >= statistic) & self.benign].tolist())

    def without(self, groups: frozenset[int]) -> "_Seen":
        """The same without these groups."""
        kept = ~np.isin(self.group, list(groups))
        fewer = object.__new__(_Seen)
        for name, values in vars(self).items():
            setattr(fewer, name, values[kept])
        return fewer

    @property
    def benign(self) -> NDArray[np.bool_]:
        """Groups that no campaign made."""
        return self.harvested < BENIGN_BELOW

    @property
    def campaign(self) -> NDArray[np.bool_]:
        """Groups that a campaign made."""
        return self.harvested >= CAMPAIGN_FROM

    def counts(self, which: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Statistic as a count of n."""
        return np.rint(self.statistic[which] * self.n[which]).astype(np.int64), self.n[which]


def _persistence(seen: _Seen, before: Rates) -> PersistenceRates:
    old = before.persistence
    pure, diluted = seen.harvested >= DILUTED_BELOW, seen.campaign & (seen.harvested < DILUTED_BELOW)
    campaign = normal_law(seen.statistic[pure], seen.null_sd[pure], old.campaign)
    thin = normal_law(seen.statistic[diluted], seen.null_sd[diluted], old.diluted)
    background = normal_law(seen.statistic[seen.benign], seen.null_sd[seen.benign], old.background)
    stray = _mixing(seen.statistic[seen.benign], seen.null_sd[seen.benign], thin, background, old.stray)
    share = old.diluted_share if seen.campaign.sum() < MIN_GROUPS else (diluted.sum() + 1) / (seen.campaign.sum() + 2)
    return PersistenceRates(campaign, thin, background, round(float(share), 3), stray)


def _mixing(values: Floats, errors: Floats, striking: NormalLaw, ordinary: NormalLaw, before: float) -> float:
    """EM: share of values that follow the striking law and not the ordinary one."""
    if values.size < MIN_GROUPS:
        return before
    a = np.array([striking.log_density(x, e) for x, e in zip(values, errors, strict=True)])
    b = np.array([ordinary.log_density(x, e) for x, e in zip(values, errors, strict=True)])
    share = 0.1
    for _ in range(50):
        odds = log(share) + a - np.logaddexp(log(share) + a, np.log1p(-share) + b)
        share = float((np.exp(odds).sum() + 0.5) / (values.size + 1))
    return round(max(share, 1 / (values.size + 2)), 4)


def _duplicate_fill(seen: _Seen, before: Rates) -> DuplicateFillRates:
    old = before.duplicate_fill
    shares = seen.statistic >= LIST_FROM
    listed = seen.benign & shares
    return replace(
        old,
        campaign=count_law(*seen.counts(seen.campaign & ~shares), old.campaign),
        ordinary=count_law(*seen.counts(seen.benign & ~shares), old.ordinary),
        list=count_law(*seen.counts(listed), old.list),
        background_list_share=round(float((listed.sum() + 1) / (seen.benign.sum() + 2)), 4)
        if seen.benign.sum() >= MIN_GROUPS
        else old.background_list_share,
    )


def _synchrony(seen: _Seen, before: Rates) -> SynchronyRates:
    old = before.synchrony
    able = seen.null_mean > 0
    ratio = np.log(np.maximum(seen.statistic[able], 1e-3 * seen.null_mean[able]) / seen.null_mean[able])
    error = seen.null_sd[able] / seen.null_mean[able]
    benign, campaign = seen.benign[able], seen.campaign[able]
    most = benign & (ratio <= np.quantile(ratio[benign], ORDINARY_SHARE)) if benign.any() else benign
    background = normal_law(ratio[most], error[most], old.background)
    beyond = campaign & (ratio > background.mean + 2 * background.sd)
    striking = normal_law(ratio[beyond], error[beyond], old.campaign)
    stray = _mixing(ratio[benign], error[benign], striking, background, old.stray)
    reach = old.reach if campaign.sum() < MIN_GROUPS else min((beyond.sum() + 1) / (campaign.sum() + 2), MAX_REACH)
    return SynchronyRates(striking, background, round(float(reach), 3), stray)


def _striking(seen: _Seen, old: StrikingRates) -> StrikingRates:
    """Both laws, and the shares of campaigns and of ordinary groups beyond the ordinary one; `old` says on which side that is."""
    side = 1.0 if old.campaign.mean > old.background.mean else -1.0
    x, error = side * seen.statistic, seen.null_sd
    benign, campaign = seen.benign, seen.campaign
    most = benign & (x <= np.quantile(x[benign], ORDINARY_SHARE)) if benign.any() else benign
    background = normal_law(seen.statistic[most], error[most], old.background)
    beyond = campaign & (x > side * background.mean + 2 * np.hypot(background.sd, error))
    striking = normal_law(seen.statistic[beyond], error[beyond], old.campaign)
    stray = _mixing(seen.statistic[benign], error[benign], striking, background, old.stray)
    reach = old.reach if campaign.sum() < MIN_GROUPS else min((beyond.sum() + 1) / (campaign.sum() + 2), MAX_REACH)
    return StrikingRates(striking, background, round(float(reach), 3), stray)


def _excess(seen: _Seen, base: float, dispersion: float, reach: float, stray: float) -> tuple[float, float, float]:
    """Dispersion of ordinary groups, and the shares of campaigns and of ordinary groups with a rate like any other."""
    benign, usual = seen.benign, np.clip(base + seen.null_mean, 1e-4, 0.95)
    k, n = seen.counts(np.ones_like(benign))
    if benign.sum() >= MIN_GROUPS:
        told = [_shares(k[benign], n[benign], usual[benign], float(d)) for d in DISPERSIONS]
        best = int(np.argmax([likelihood for _, likelihood in told]))
        dispersion, stray = float(DISPERSIONS[best]), told[best][0]
    if seen.campaign.sum() >= MIN_GROUPS:
        reach = _shares(k[seen.campaign], n[seen.campaign], usual[seen.campaign], dispersion)[0]
    return round(dispersion, 4), round(min(max(reach, 0.1), MAX_REACH), 3), round(max(stray, 1 / (benign.sum() + 2)), 4)


def _shares(k: NDArray[np.int64], n: NDArray[np.int64], usual: Floats, dispersion: float) -> tuple[float, float]:
    """EM: share of groups with a rate like any other instead of the usual one, and the log-likelihood."""
    k = np.maximum(k, (n * usual).astype(np.int64))
    ordinary = np.array([log_betabinomial(int(a), int(b), float(m), dispersion) for a, b, m in zip(k, n, usual, strict=True)])
    striking = -np.log(n + 1.0)
    share, likelihood = 0.1, -np.inf
    for _ in range(50):
        both = np.logaddexp(log(share) + striking, np.log1p(-share) + ordinary)
        likelihood = float(both.sum())
        share = float((np.exp(log(share) + striking - both).sum() + 0.5) / (k.size + 1))
    return share, likelihood


def _meeting(seen: _Seen, before: MeetingRates) -> MeetingRates:
    base = before.base
    if seen.benign.sum() >= MIN_GROUPS:
        excess = seen.statistic[seen.benign] - (seen.null_mean[seen.benign] - before.base)
        base = float(np.clip(np.mean(np.sort(excess)[: int(0.95 * excess.size)]), 0.001, 0.2))
    dispersion, reach, stray = _excess(seen, base - before.base, before.dispersion, before.reach, before.stray)
    return MeetingRates(round(base, 4), dispersion, reach, stray)
