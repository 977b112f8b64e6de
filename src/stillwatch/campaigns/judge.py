"""Verdicts: which groups are campaigns, and which of the groups that overlap are one campaign."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.campaigns import alternatives, calibrate, reference, score
from stillwatch.engine.base import Engine
from stillwatch.methods import fdr, shared_members
from stillwatch.methods.relation import Relation
from stillwatch.methods.shared_members import Rule
from stillwatch.records import tables
from stillwatch.settings import CampaignSettings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

SAME_CAMPAIGN = (
    0.5  # share of the smaller group's accounts, or of its telling tokens, that two groups of one campaign have in common
)
SOME = 0.2  # share of the smaller group's accounts from which two groups are of one campaign, if these are ...
LARGE = 50  # ... accounts at least: with few, a group that holds some of each would join two small campaigns ...
TIMES_CHANCE = 3.0  # ... and so many times what groups of their sizes share by chance: recipes dealt out to a large fleet
PART_OF = 0.8  # share of a group's accounts that lie in another, of which it then is a part
MOST_PAIRS = 0.5  # of the pairs of groups of two sets, that share what tells them, from which the sets are one campaign
TELLING = 0.5  # of the best score of a campaign's groups, below which a group holds more strangers than members
WHOLE = 0.5  # share of the exchanges of its wording from which a group holds what is worded so, and not a slice of it
STRANGERS = 0.1  # share of accounts and tokens up to which two parts have nothing to do with each other
AS_GOOD_AS_WHOLE = 0.66  # share of a group's accounts that lie in a campaign's groups, from which its good name clears them
MAX_P = 0.1  # groups above it are no finding at any rate that is offered, and need not be compared with each other
EIGEN_GROUPS = 1_000  # of which the eigenvalues are taken: a second; of more groups a part
_ACCOUNTS = 'SELECT "group", account AS thing FROM group_accounts'  # each account of a group once
_TELLING_TOKENS = "SELECT DISTINCT \"group\", token AS thing FROM group_tokens WHERE kind NOT IN ('recipe', 'family')"
NEAR_BEST = 0.9  # of the nested groups, the smallest whose score is within a tenth of the best stands for the campaign


@dataclass(frozen=True, slots=True)
class _Related:
    """
    How pairs of groups are related.

    Args:
        groups: Digests, ascending.
        alike: Half of the smaller one's accounts is common.
        some: More than strangers have is common.
        part: The first is as good as all of it in the second, which is larger.
        half: Half of the first lies in the second, which is larger.
        by_chance: At least so many accounts as chance gives are common.
        dealt: So many, and so many more than by chance, that recipes were dealt out to one fleet.
        by_tokens: Half of what tells the smaller one is common.
        some_tokens: More of it than strangers have is common.
    """

    groups: Ints
    alike: Relation
    some: Relation
    part: Relation
    half: Relation
    by_chance: Relation
    dealt: Relation
    by_tokens: Relation
    some_tokens: Relation

    def of(self, groups: Ints) -> Self:
        """Of some of the groups, in the order of their digests."""
        kept = np.searchsorted(self.groups, groups)
        relations = {f.name: getattr(self, f.name).of(kept) for f in fields(self) if f.name != "groups"}
        return replace(self, groups=groups, **relations)

    @property
    def apart(self) -> Relation:
        """They have nothing to do with each other."""
        return ~(self.some | self.some_tokens)


@dataclass(frozen=True, slots=True)
class Judged:
    """Every group, with its score and error rates; only those large enough are tested. Arrays run over groups in order."""

    groups: Ints
    bits: Floats
    n_families: Ints
    strata: tuple[str, ...]
    p: Floats
    q: Floats
    n_accounts: Ints
    enough: Bools
    related: _Related | None = None  # those that may be a finding, once the groups are held together against chance


def judge(engine: Engine, settings: CampaignSettings, known: reference.Reference) -> pa.Table:
    """
    Write CAMPAIGNS, CAMPAIGN_GROUPS and CLEARED from EVIDENCE, GROUPS and GROUP_ACCOUNTS; returns CAMPAIGNS, strongest first.
    """
    judged = test(engine, settings, known)
    table, groups = verdicts(engine, judged, settings, known)
    engine.write(tables.CAMPAIGNS, table)
    engine.write(tables.CAMPAIGN_GROUPS, groups)
    engine.write(tables.CLEARED, _cleared(engine, judged))
    return table


def verdicts(engine: Engine, judged: Judged, settings: CampaignSettings, known: reference.Reference) -> tuple[pa.Table, pa.Table]:
    """CAMPAIGNS, strongest first, and CAMPAIGN_GROUPS, as they would be under a reference; nothing is written."""
    sets = _campaigns(engine, judged, settings)
    explained = better_explained(engine, [int(judged.groups[standing]) for standing, likely, _ in sets if likely], known)
    found = [(standing, likely and int(judged.groups[standing]) not in explained, places) for standing, likely, places in sets]
    found = _told(judged, found, settings.most_watched)
    rows = [_row(judged, standing, likely, known.source) for standing, likely, _ in found]
    table = pa.Table.from_pylist(sorted(rows, key=lambda r: (-r["score_bits"], r["campaign_id"])), schema=tables.CAMPAIGNS.schema)
    parts = [
        {"campaign_id": campaign_id(int(judged.groups[standing])), "group": int(judged.groups[place])}
        for standing, _, places in found
        for place in places
    ]
    return table, pa.Table.from_pylist(parts, schema=tables.CAMPAIGN_GROUPS.schema)


def _told(judged: Judged, found: list[tuple[int, bool, list[int]]], most_watched: int) -> list[tuple[int, bool, list[int]]]:
    """All that is likely, and the strongest of what is watched."""
    watched = sorted((f for f in found if not f[1]), key=lambda f: (-judged.bits[f[0]], judged.groups[f[0]]))
    return [f for f in found if f[1]] + watched[:most_watched]


def _cleared(engine: Engine, judged: Judged) -> pa.Table:
    """
    Accounts of a campaign's groups that belong to a group which the evidence speaks for.

    A class whose homework is worded as the prompts of a campaign lies in one of the campaign's groups, and as good as whole: its
    own group, held against the same reference, looks like nothing but a class.
    """
    against = judged.enough & (judged.bits <= -score.MIN_FAMILY_BITS)
    sizes = pa.table({"group": judged.groups[against], "n": judged.n_accounts[against]})
    found = engine.query(
        f"""WITH mine AS (SELECT DISTINCT c.campaign_id, m.account FROM campaign_groups c
                      JOIN group_accounts m ON m."group" = c."group"),
             shared AS (SELECT i.campaign_id, i.account, m."group" FROM mine i JOIN group_accounts m ON m.account = i.account
                      JOIN sizes s ON s."group" = m."group"),
             whole AS (SELECT b.campaign_id, b."group" FROM shared b JOIN sizes s ON s."group" = b."group"
                       GROUP BY b.campaign_id, b."group", s.n HAVING count(*) >= {AS_GOOD_AS_WHOLE} * s.n)
        SELECT DISTINCT b.campaign_id, b.account FROM shared b
        JOIN whole w ON w.campaign_id = b.campaign_id AND w."group" = b."group" ORDER BY b.campaign_id, b.account""",
        sizes=sizes,
    )
    return found.cast(tables.CLEARED.schema)


def better_explained(engine: Engine, groups: Sequence[int], known: reference.Reference) -> frozenset[int]:
    """Of which groups does a benign kind fit what was observed better than a campaign does?"""
    if not groups:
        return frozenset()
    said: dict[int, dict[str, tuple[str, float]]] = {group: {} for group in groups}
    listed = ", ".join(map(str, groups))
    rows = engine.query(
        f'SELECT "group", detector, family, weight_bits FROM evidence WHERE "group" IN ({listed}) ORDER BY "group", detector'
    )
    for row in rows.to_pylist():
        said[row["group"]][row["detector"]] = (row["family"], row["weight_bits"])
    return frozenset(group for group, told in said.items() if any(w.bits < 0.0 for w in alternatives.weigh(told, known)))


def _row(judged: Judged, place: int, likely: bool, source: str) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id(int(judged.groups[place])),
        "group": int(judged.groups[place]),
        "verdict": "likely" if likely else "watched",
        "score_bits": float(judged.bits[place]),
        "p_value": float(judged.p[place]),
        "q_value": float(judged.q[place]),
        "n_families": int(judged.n_families[place]),
        "stratum": judged.strata[place],
        "reference": source,
    }


def test(engine: Engine, settings: CampaignSettings, known: reference.Reference) -> Judged:
    """Score every group and hold it against the reference, and the groups together against chance."""
    alone = weighed(engine, settings, known)
    looked_at = np.flatnonzero(alone.enough & (alone.p <= MAX_P))
    if not len(looked_at):
        return alone
    related = _related(engine, alone.groups[looked_at])
    labels = _labels(engine, related, alone.bits[looked_at])
    q = alone.q.copy()
    tested = alone.enough
    q[looked_at] = _q_values(engine, alone.groups[tested], alone.p[tested], alone.p[looked_at], related, labels)
    return replace(alone, q=q, related=related)


def weighed(engine: Engine, settings: CampaignSettings, known: reference.Reference) -> Judged:
    """Score every group, and hold what one saw oneself against the reference; q is 1 throughout."""
    evidence = engine.read(tables.EVIDENCE)
    groups = engine.read(tables.GROUPS)
    fused = score.fused(evidence, known.fusion)
    scores, own = score.score(fused), score.score(score.our_own(fused))
    at = np.searchsorted(groups["group"].to_numpy(), scores.groups)
    n_accounts = groups["n_accounts"].to_numpy()[at]
    origins = groups["origin"].to_pylist()
    strata = tuple(reference.stratum(origins[i], int(n)) for i, n in zip(at.tolist(), n_accounts, strict=True))
    detectors = frozenset(score.our_own(evidence)["detector"].to_pylist())
    p, seen = np.ones(len(scores.groups)), np.isin(scores.groups, own.groups)
    own_strata = [name for name, told in zip(strata, seen, strict=True) if told]
    p[seen] = calibrate.p_values(own.bits, own_strata, known, detectors, settings.trim_share)
    enough = (n_accounts >= settings.min_accounts) & (groups["n_exchanges"].to_numpy()[at] >= settings.min_exchanges)
    return Judged(scores.groups, scores.bits, scores.n_families, strata, p, np.ones(len(p)), n_accounts, enough)


def _q_values(engine: Engine, groups: Ints, p: Floats, looked_at: Floats, related: _Related, labels: Ints) -> Floats:
    """
    Expected share of false campaigns among those found at each group's p-value.

    A campaign of a hundred recipes makes a hundred groups that all pass: they are one finding, as is all that has
    anything to do with a group of a smaller p: it may be a fragment of it. And groups that overlap are fewer tests than groups.

    Args:
        groups, p: All that were tested.
        looked_at: p of the groups of `related`.
        labels: Of these, by campaign; -1 = none.
    """
    q = np.ones(len(looked_at))
    single = np.flatnonzero(labels >= 0)
    findings = shared_members.led_by(~related.apart.of(single), np.argsort(looked_at[single], kind="stable"))
    q[single] = calibrate.q_values(looked_at[single], findings, effective_tests(engine, groups, p))
    return q


def effective_tests(engine: Engine, groups: Ints, p: Floats) -> float:
    """
    Independent tests of nothing real that the groups are worth, by the accounts that they share and by their p-values.

    Eigenvalues are taken of a part where there are many. A fleet of thousands of recipes makes thousands of groups: counted as
    tests of nothing they would hide it.
    """
    part = groups[:: max(1, len(groups) // EIGEN_GROUPS)]
    common = _in_common(engine, part, _ACCOUNTS)
    sizes = np.sqrt(np.maximum(np.diagonal(common), 1))
    similarity = common / np.outer(sizes, sizes)
    return fdr.effective_tests(similarity) * len(groups) / len(part) * fdr.null_share(p)


def campaign_id(group: int) -> str:
    """
    How a campaign is called: it follows from the group's digest alone.

    >>> campaign_id(7)
    'c-a0117bd3c3ed'
    """
    return "c-" + hashlib.blake2b(group.to_bytes(8, "little", signed=True), digest_size=6, person=b"campaign").hexdigest()


def _campaigns(engine: Engine, judged: Judged, settings: CampaignSettings) -> list[tuple[int, bool, list[int]]]:
    """(standing group, is it likely, all its groups) of each set of overlapping groups worth watching."""
    watched = np.flatnonzero(
        judged.enough & (judged.q <= settings.watch_q) & (judged.bits >= score.MIN_FAMILY_BITS) & (judged.n_families >= 1)
    )
    likely = judged.enough & (judged.q <= settings.q) & (judged.n_families >= settings.min_families)
    if not len(watched):
        return []
    labels = _labels(engine, _related_among(engine, judged, judged.groups[watched]), judged.bits[watched])
    out = []
    for label in np.unique(labels[labels >= 0]):
        places = watched[labels == label]
        strong = places[likely[places]]
        passed = strong if len(strong) else places
        passed = passed[judged.bits[passed] >= TELLING * judged.bits[passed].max()]
        out.append((_standing(judged, passed), bool(len(strong)), passed.tolist()))
    return out


def _standing(judged: Judged, places: Ints) -> int:
    near = places[judged.bits[places] >= NEAR_BEST * judged.bits[places].max()]
    order = np.lexsort((judged.groups[near], -judged.bits[near], judged.n_accounts[near]))
    return int(near[order[0]])


def _labels(engine: Engine, related: _Related, bits: Floats) -> Ints:
    """
    Label of each group; groups of one campaign share accounts or what tells them.

    A group that holds two parts which have nothing to do with each other is two campaigns in one bag, as is one that holds some
    of each of two large groups which share less than by chance; and one that scores less than a part of itself, by a family's
    worth of bits, holds strangers beside it, who would be named with the part: the label of all these is -1. A part that is
    a slice of one wording has no strangers beside it, but more of its own.
    """
    apart = related.apart
    as_strong = Relation.at_least(bits, bits - score.MIN_FAMILY_BITS)  # strong enough that it is a campaign's
    mixed = shared_members.holding_both(related.part, apart)
    mixed |= shared_members.holding_both(related.half & as_strong, apart)
    disjoint = _communities(engine, related.groups)  # by construction: that two of them share nobody says nothing
    strangers = ~(Relation.among(disjoint) | related.by_chance)
    mixed |= shared_members.holding_both(related.dealt & as_strong, strangers)
    kept = np.flatnonzero(~(mixed | _diluted(engine, related.groups, related.part, bits)))
    labels = np.full(len(bits), -1, np.int64)
    alike = related.alike | (related.by_tokens & related.some) | related.dealt
    labels[kept] = _joined(alike.of(kept), related.by_tokens.of(kept))
    return labels


def _related_among(engine: Engine, judged: Judged, groups: Ints) -> _Related:
    """Of groups that may have been held against each other already: not where groups of any q are watched."""
    known = judged.related
    return known.of(groups) if known is not None and np.isin(groups, known.groups).all() else _related(engine, groups)


def _related(engine: Engine, groups: Ints) -> _Related:
    n_accounts = engine.query("SELECT count(DISTINCT account) AS n FROM group_accounts")["n"][0].as_py()
    strangers = np.nextafter(STRANGERS, 1.0)
    by_account = [
        Rule("overlap", SAME_CAMPAIGN),
        Rule("overlap", strangers),
        Rule("part", PART_OF),
        Rule("part", SAME_CAMPAIGN),
        Rule("lift", 1.0, n_accounts),
        Rule("overlap", SOME),
        Rule("lift", TIMES_CHANCE, n_accounts),
        Rule("count", LARGE),
    ]
    found = shared_members.related(*_things(engine, groups, _ACCOUNTS), len(groups), by_account)
    alike, some, part, half, by_chance, overlap, lifted, large = found
    by_token = [Rule("overlap", SAME_CAMPAIGN), Rule("overlap", strangers)]
    tokens, some_tokens = shared_members.related(*_things(engine, groups, _TELLING_TOKENS), len(groups), by_token)
    return _Related(groups, alike, some, part, half, by_chance, overlap & lifted & large, tokens, some_tokens)


def _communities(engine: Engine, groups: Ints) -> Bools:
    """Which groups are parts of the accounts' graph."""
    found = engine.query("SELECT \"group\" FROM groups WHERE origin = 'community'")
    return np.isin(groups, found["group"].to_numpy())


def _diluted(engine: Engine, groups: Ints, part: Relation, bits: Floats) -> Bools:
    """Which groups score a family's worth of bits less than one of their parts that is whole."""
    weaker = part & Relation.at_least(bits, bits + score.MIN_FAMILY_BITS)
    asked = np.flatnonzero(weaker.words.any(axis=1))
    out = np.zeros(len(bits), np.bool_)
    for inside in asked[_of_its_wording(engine, groups[asked]) >= WHOLE].tolist():
        out |= weaker.row(inside)
    return out


def _joined(alike: Relation, by_tokens: Relation) -> Ints:
    """
    Label of each group: those that are alike, and sets of such groups of which half of all pairs share what tells them.

    Of a dozen pairs of groups of two campaigns one or two share half of their tokens and no account: hosts and clients are few.
    """
    labels = shared_members.connected(alike)
    size = np.bincount(labels)
    links = np.zeros((len(size), len(size)))
    for place, label in enumerate(labels.tolist()):
        links[label] += np.bincount(labels[by_tokens.row(place)], minlength=len(size))
    half = Relation.of_rows([links >= MOST_PAIRS * np.outer(size, size)], len(size))
    return shared_members.connected(half)[labels]


def _of_its_wording(engine: Engine, groups: Ints) -> Floats:
    """Share of the log's exchanges worded as a group's that lie in it, 0…1 each; 1 where wording does not tell it."""
    if not len(groups):
        return np.ones(0)
    listed = ", ".join(map(str, groups.tolist()))
    shares = engine.query(
        f"""WITH looked AS (SELECT e."group", e.row FROM group_exchanges e JOIN groups g ON g."group" = e."group"
                        WHERE g.told_by = 'wording' AND e."group" IN ({listed})),
             scale AS (SELECT l."group", max(g.n_exchanges) * 1.0e0 / count(*) AS times FROM looked l
                       JOIN groups g ON g."group" = l."group" GROUP BY l."group"),
             inside AS (SELECT l."group", u.recipe, count(*) AS n FROM looked l JOIN uses u ON u.row = l.row
                        GROUP BY l."group", u.recipe)
        SELECT i."group", sum(i.n * least(i.n * s.times / r.n_requests, 1.0e0)) / sum(i.n) AS share
        FROM inside i JOIN scale s ON s."group" = i."group" JOIN recipes r ON r.recipe = i.recipe
        GROUP BY i."group" ORDER BY share, i."group" """
    )
    out = np.ones(len(groups))
    out[np.searchsorted(groups, shares["group"].to_numpy())] = shares["share"].to_numpy()
    return out


def _in_common(engine: Engine, groups: Ints, sql: str) -> Counts:
    """(n_groups, n_groups): things that two groups share."""
    return shared_members.in_common(*_things(engine, groups, sql), len(groups))


def _things(engine: Engine, groups: Ints, sql: str) -> tuple[Ints, Ints]:
    """Which group, by its place, holds which thing: sorted by thing, then by group."""
    listed = ", ".join(map(str, groups.tolist()))
    pairs = engine.query(f'SELECT * FROM ({sql}) WHERE "group" IN ({listed}) ORDER BY thing, "group"')
    return np.searchsorted(groups, pairs["group"].to_numpy()), pairs["thing"].to_numpy()
