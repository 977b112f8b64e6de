"""
The benign groups that scores are held against, and what each kind of them looks like.

The reference ships with the package (`reference.parquet`, built by `stillwatch reference build` from worlds); an
operator's own benign groups (`stillwatch reference learn`) take its place once there are enough. Rates come from here,
never from the log that is judged: a score does not depend on who else is in the batch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.campaigns import score
from stillwatch.engine import parts
from stillwatch.errors import SettingsError
from stillwatch.methods.tail import WEAK_SHAPE_SD
from stillwatch.settings import CampaignSettings

Floats = npt.NDArray[np.float64]

SIZES = (10, 50, 300)  # accounts: lower ends of the size bins
CAMPAIGN_KIND = "campaign"
MOSTLY = 0.6  # share of a group's accounts that name its kind
SHAPE_SD = 0.05  # of the tail's shape in the shipped strata; the pooled shape of its benign groups is below 0
CONTAMINATED = 0.05  # share of harvesting accounts from which a group is no benign one
SCHEMA = pa.schema(
    [
        ("group", pa.int64()),
        ("kind", pa.string()),
        ("stratum", pa.string()),
        ("detector", pa.string()),
        ("family", pa.string()),
        ("weight_bits", pa.float64()),
    ]
)


def stratum(origin: str, n_accounts: int) -> str:
    """
    The stratum a group is judged in: how it was found, and its size.

    >>> stratum("family", 120), stratum("community", 20000), stratum("cell", 20)
    ('template 50-299', 'community 300+', 'community 10-49')
    """
    place = max(i for i, low in enumerate(SIZES) if n_accounts >= low or i == 0)
    size = f"{SIZES[place]}-{SIZES[place + 1] - 1}" if place + 1 < len(SIZES) else f"{SIZES[place]}+"
    return f"{'template' if origin in ('recipe', 'family') else 'community'} {size}"


@dataclass(frozen=True, slots=True)
class Summary:
    """So many weights, their median, and the bounds of the middle 68 % of them; all 0 where there are none."""

    n: int
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Reference:
    """
    Weights of every detector on labelled groups, long form.

    Args:
        source: "shipped" or "own".
        rows: Table of SCHEMA; `kind` is "campaign" or the benign kind.
        fusion: family -> factor of its weights, learnt from rulings (feedback.py); 1 where none is named.
        ruled: Groups in `rows` that a person ruled on, one a campaign.
    """

    source: Literal["shipped", "own"]
    rows: pa.Table
    fusion: Mapping[str, float] = field(default_factory=dict)
    ruled: frozenset[int] = frozenset()
    _told: dict[tuple[str, str], Summary] = field(default_factory=dict, init=False, compare=False, repr=False)

    def benign(self, detectors: frozenset[str]) -> dict[str, Floats]:
        """Scores of the benign groups by stratum, from the named detectors alone."""
        table = self._rows(detectors, "!=")
        scores = score.score(score.fused(table, self.fusion))
        strata = table["stratum"].combine_chunks().dictionary_encode()
        _, first = np.unique(table["group"].to_numpy(), return_index=True)
        where = np.asarray(strata.indices)[first]
        return {name: np.sort(scores.bits[where == i]) for i, name in enumerate(strata.dictionary.to_pylist())}

    def tail(self, trim_share: float) -> tuple[float, float]:
        """
        Share of its highest scores that may be undetected campaigns, and how far the shape of their tail may lie from 0.

        Of worlds it is known who harvests, and their benign groups are many enough to know the tail's shape: nothing is trimmed.

        Args:
            trim_share: Of an operator's own reference.
        """
        return (0.0, SHAPE_SD) if self.source == "shipped" else (trim_share, WEAK_SHAPE_SD)

    def weights(self, kind: str, detector: str) -> Floats:
        """Weights of one detector on the groups of one kind."""
        mine = pc.and_(pc.equal(self.rows["kind"], kind), pc.equal(self.rows["detector"], detector))
        return self.rows["weight_bits"].filter(mine).to_numpy()

    def summary(self, kind: str, detector: str) -> Summary:
        """Middle and spread of `weights`; counted once, since every group is held against all of them."""
        if (kind, detector) not in self._told:
            weights = self.weights(kind, detector)
            middle = (
                (float(np.median(weights)), *(float(np.quantile(weights, q)) for q in (0.16, 0.84))) if len(weights) else None
            )
            self._told[kind, detector] = Summary(len(weights), *(middle or (0.0, 0.0, 0.0)))
        return self._told[kind, detector]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The benign kinds in it."""
        return tuple(sorted(set(pc.unique(self.rows["kind"]).to_pylist()) - {CAMPAIGN_KIND}))

    @property
    def n_benign(self) -> int:
        """Benign groups in it."""
        return len(set(self._rows(None, "!=")["group"].to_pylist()))

    def _rows(self, detectors: frozenset[str] | None, sign: str) -> pa.Table:
        compare = pc.not_equal if sign == "!=" else pc.equal
        keep = compare(self.rows["kind"], CAMPAIGN_KIND)
        if detectors is not None:
            keep = pc.and_(keep, pc.is_in(self.rows["detector"], pa.array(sorted(detectors), pa.string())))
        return self.rows.filter(keep)


def labelled(
    evidence: pa.Table, groups: pa.Table, members: pa.Table, kinds: Mapping[int, str], tag: int, settings: CampaignSettings
) -> pa.Table:
    """
    Reference rows of groups whose accounts' kinds are known, and that are large enough to be tested.

    A group is a campaign where at least half of its accounts harvest (licensed distillers included: they look the same), left
    out where some do, and otherwise of the kind that most of its accounts are, or "mixed".

    Args:
        evidence, groups, members: EVIDENCE, GROUPS, GROUP_ACCOUNTS.
        kinds: account -> its kind; "campaign" for one that harvests.
        tag: Tells groups of different worlds apart.
        settings: How large a group must be.
    """
    told = {
        group: _kind(Counter(kinds[a] for a in accounts))
        for group, accounts in _by_group(members["group"].to_pylist(), members["account"].to_pylist()).items()
    }
    where = {
        g["group"]: stratum(g["origin"], g["n_accounts"])
        for g in groups.to_pylist()
        if g["n_accounts"] >= settings.min_accounts and g["n_exchanges"] >= settings.min_exchanges
    }
    rows = [
        {
            "group": row["group"] ^ tag,
            "kind": told[row["group"]],
            "stratum": where[row["group"]],
            "detector": row["detector"],
            "family": row["family"],
            "weight_bits": row["weight_bits"],
        }
        for row in evidence.to_pylist()
        if row["group"] in where and told[row["group"]] is not None
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _by_group(groups: Sequence[int], accounts: Sequence[int]) -> dict[int, list[int]]:
    out: dict[int, list[int]] = {}
    for group, account in zip(groups, accounts, strict=True):
        out.setdefault(group, []).append(account)
    return out


def _kind(counts: Counter[str]) -> str | None:
    n = counts.total()
    if 2 * counts[CAMPAIGN_KIND] >= n:
        return CAMPAIGN_KIND
    if counts[CAMPAIGN_KIND] > CONTAMINATED * n:
        return None
    best, most = counts.most_common(1)[0]
    return best if most >= MOSTLY * n else "mixed"


def shipped() -> Reference:
    """The reference that comes with the package."""
    with resources.as_file(resources.files("stillwatch.campaigns").joinpath("reference.parquet")) as path:
        return Reference("shipped", pq.read_table(path, schema=SCHEMA))


def own(path: Path, least: int) -> Reference:
    """
    An operator's own reference; its campaigns and kinds are filled from the shipped one.

    Raises:
        SettingsError: the file is no reference, or has fewer than `least` benign groups.
    """
    try:
        rows = pq.read_table(path, schema=SCHEMA)
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise SettingsError(
            f"{path}: no reference of Stillwatch. Make one with: stillwatch reference learn DIR... --out FILE"
        ) from error
    found = _with_lessons("own", rows, pq.read_schema(path).metadata)
    if found.n_benign < least:
        raise SettingsError(
            f"{path}: only {found.n_benign} benign groups, and campaigns.own_reference_groups asks for {least}. "
            "Learn from more scans, or leave the setting out to use the shipped reference"
        )
    return found


def chosen(settings: CampaignSettings) -> Reference:
    """The operator's own reference where the settings name one, else the shipped one."""
    return own(settings.own_reference, settings.own_reference_groups) if settings.own_reference else shipped()


_SOURCE, _FUSION, _RULED = b"stillwatch.source", b"stillwatch.fusion", b"stillwatch.ruled"


def save(reference: Reference, path: Path) -> None:
    """Keep a reference, and what rulings taught it."""
    lessons = {_FUSION: orjson.dumps(dict(sorted(reference.fusion.items()))), _RULED: orjson.dumps(sorted(reference.ruled))}
    told = lessons if reference.fusion or reference.ruled else {}
    parts.write_file(path, reference.rows.replace_schema_metadata({_SOURCE: reference.source.encode(), **told}))


def saved(path: Path) -> Reference:
    """The reference that `save` kept."""
    rows = parts.read_file(path)
    own_one = (rows.schema.metadata or {}).get(_SOURCE) == b"own"
    return _with_lessons("own" if own_one else "shipped", rows, rows.schema.metadata)


def _with_lessons(source: Literal["shipped", "own"], rows: pa.Table, metadata: Mapping[bytes, bytes] | None) -> Reference:
    told = metadata or {}
    fusion: dict[str, float] = orjson.loads(told.get(_FUSION, b"{}"))
    return Reference(source, rows, fusion, frozenset(orjson.loads(told.get(_RULED, b"[]"))))
