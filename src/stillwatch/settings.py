"""
One TOML file, frozen dataclasses; each stage is handed only its own.

Order of precedence: command line, `stillwatch.toml` (or `[tool.stillwatch]` of a pyproject.toml), the defaults below.
An unknown key is an error that names the nearest known one. Every default names its source.
"""

import difflib
import hashlib
import re
import tomllib
import types
import typing
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import SettingsError

_SPARK_MASTER = re.compile(r"spark|spark://.+|k8s://.+|yarn|local|local\[.+\]|local-cluster\[.+\]")


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How logs are read."""

    format: str | None = None  # name of an adapter; None = detected by content
    time_format: str | None = None  # "s", "ms", "us", "iso"; None = detected
    on_bad_line: str = "quarantine"  # or "fail"
    min_good_share: float = 0.5  # below it a file is no log: exit code 4
    split_rows: int = 65_536  # rows a unit of work; bounds memory to some 100 MB a process
    columns: dict[str, str] = field(default_factory=dict)  # canonical column -> the log's own name, for tables of others


@dataclass(frozen=True, slots=True)
class TemplateSettings:
    """When shared wording is a recipe (docs/research.md, Stage 1)."""

    min_requests: int = 20  # exchanges that must carry a fragment before it is heavy; docs/research.md, Stage 1
    min_accounts: int = 5  # distinct accounts that must; one account's own habit is no recipe; docs/research.md, Stage 1
    posting_agreement: float = 0.5  # Jaccard of two fragments' posting lists
    recipes_per_exchange: int = 4  # best matches kept; bounds the table of uses
    semantic_hamming: int = 18  # bits of 128; benchmarks/quality/templates: variants of one 14 in the middle, strangers 43 at 1 %
    semantic_words: int = 12  # below it a text is too short to be a recipe by its meaning alone
    semantic_radius: int = 24  # bits between an exchange and the middle of its semantic recipe
    family_containment: float = 0.5  # of both account sets in each other, with twice semantic_hamming
    bundle_jaccard: float = 0.4  # of the accounts of two recipes, to be one bundle; docs/research.md, Stage 1


@dataclass(frozen=True, slots=True)
class CandidateSettings:
    """Which groups are tested (docs/research.md, Stage 2)."""

    min_accounts: int = (
        20  # docs/research.md, risk 10: fewer accounts or exchanges over-claim, so such groups are not tested at all
    )
    min_exchanges: int = 250  # as min_accounts
    neighbours: int = 15  # links kept an account, the strongest; docs/research.md, Stage 2
    resolutions: tuple[float, ...] = (1.0, 5.0, 20.0)  # of the communities: fleets differ in size; docs/research.md, Stage 2
    rarity_powers: tuple[float, ...] = (1.0, 3.0)  # how much rarer shared things count for more; docs/research.md, Stage 2
    max_token_accounts: int = 2_000  # K_max: more popular tokens stay hyperedges
    duplicate_jaccard: float = 0.8  # of the accounts of two groups, to be one group under two names
    sample_accounts: int = (
        1_000  # accounts of a group that the evidence looks at, drawn by digest: weights are at their caps by then
    )
    sample_exchanges: int = 20_000  # of these accounts, drawn by digest too
    rare_token_share: float = 0.03  # words that more of the accounts use are not looked at; `persistence` starts from the rarest
    seed: int = 1  # of the communities; any number will do, the same one gives the same groups


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """From evidence to verdict (docs/research.md, Stage 4)."""

    q: float = 0.1  # false-discovery rate of `likely`, campaigns counted and not groups; docs/research.md, Stage 4
    watch_q: float = 0.25  # of `watched`
    most_watched: int = 20  # so many are told, the strongest: a fleet of thousands of recipes leaves hundreds of weak groups
    min_families: int = 2  # that must speak for a campaign before `likely`: no single kind of evidence convicts
    min_accounts: int = 20  # as candidates.min_accounts
    min_exchanges: int = 250  # as candidates.min_exchanges
    own_reference_groups: int = 200  # so many own benign groups replace the shipped reference
    trim_share: float = (
        0.01  # of a reference, its highest scores: undetected campaigns may be among them; docs/research.md, Stage 4
    )
    frontier: bool = True  # plant campaigns to say which would have been seen: some seconds; docs/how-to/read-a-report.md
    entitlements: Path | None = None  # registry of licensed distillers (TOML)
    own_reference: Path | None = None  # made by `stillwatch reference learn`
    usd_per_million_prompt_tokens: float | None = None  # the operator's list price; no default would be right for anyone
    usd_per_million_completion_tokens: float | None = None  # likewise
    remake_usd_per_exchange: float | None = None  # what one such exchange would cost to have made


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where and how wide the stages run."""

    name: str = "duckdb"  # the embedded engine, which needs no server; or a Spark master: spark://host:7077, local[2], yarn
    workers: int | None = None  # None = the cores this process may use
    memory_gb: float = 4.0  # docs/research.md, engines: DuckDB honours it within 8 % and is faster with 4 GB than with 20
    temp_dir: Path | None = None  # where queries spill; None = beside the tables

    @property
    def kind(self) -> str:
        """
        The engine's name without its address: "duckdb", "spark", or the unknown name itself.

        >>> EngineSettings("spark://head:7077").kind, EngineSettings("local[2]").kind
        ('spark', 'spark')
        """
        return "spark" if _SPARK_MASTER.fullmatch(self.name) else self.name


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """What people may see."""

    key_file: Path | None = None  # None = this machine's own key
    min_accounts_for_wording: int = 20  # below it a template can be one customer's own words; docs/decisions.md


@dataclass(frozen=True, slots=True)
class SharingSettings:
    """What a scan prepares for an exchange with other providers (docs/how-to/hunt-for-what-peers-saw.md)."""

    epoch: str | None = None  # name of the exchange's epoch, for example 2026q4; without it nothing is prepared
    epoch_key_file: Path | None = None  # that epoch's key, which all members hold; None = templates and contracts stay out


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one run."""

    ingest: IngestSettings = field(default_factory=IngestSettings)
    templates: TemplateSettings = field(default_factory=TemplateSettings)
    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    campaigns: CampaignSettings = field(default_factory=CampaignSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    sharing: SharingSettings = field(default_factory=SharingSettings)

    @property
    def digest(self) -> str:
        """
        Sixteen hex digits over everything that can move a result; where and how wide a run is does not.

        >>> Settings().digest == Settings(engine=EngineSettings(workers=7)).digest
        True
        """
        told = {k: v for k, v in asdict(self).items() if k not in {"engine", "privacy", "sharing"}}
        raw = orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(raw).hexdigest()[:16]

    def to_json(self) -> bytes:
        """All settings, as `from_json` reads them back."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2, default=str)


def from_json(raw: bytes) -> Settings:
    """
    Settings as `Settings.to_json` wrote them.

    >>> from_json(Settings().to_json()) == Settings()
    True
    """
    return from_mapping(_without_none(orjson.loads(raw)))


def _without_none(tree: dict[str, Any]) -> dict[str, Any]:
    return {k: _without_none(v) if isinstance(v, dict) else v for k, v in tree.items() if v is not None}


def load(path: Path | None) -> Settings:
    """
    Read `stillwatch.toml` (or the `[tool.stillwatch]` table of a pyproject.toml); defaults where `path` is None.

    Raises:
        SettingsError: not TOML, an unknown key, or a value of the wrong type.
    """
    if path is None:
        return Settings()
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    if path.name == "pyproject.toml":
        tree = tree.get("tool", {}).get("stillwatch", {})
    return from_mapping(tree, str(path))


def with_changes(settings: Settings, **sections: dict[str, Any]) -> Settings:
    """
    The settings with some values replaced; None leaves a value as it is.

    >>> with_changes(Settings(), campaigns={"q": 0.1, "watch_q": None}).campaigns.q
    0.1
    """
    changed = {
        name: replace(getattr(settings, name), **{k: v for k, v in values.items() if v is not None})
        for name, values in sections.items()
    }
    return replace(settings, **changed)


def from_mapping(tree: dict[str, Any], where: str = "settings") -> Settings:
    """
    Settings from nested mappings, as TOML gives them.

    >>> from_mapping({"campaigns": {"q": 0.1}}).campaigns.q
    0.1
    """
    return typing.cast(Settings, _fill(Settings(), tree, where, ""))


def _fill(default: Any, tree: dict[str, Any], where: str, prefix: str) -> Any:
    known = {f.name for f in fields(default)}
    hints = typing.get_type_hints(type(default))
    changes: dict[str, Any] = {}
    for name, value in tree.items():
        full = prefix + name
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {prefix}{near[0]}?" if near else f" Known here: {', '.join(sorted(known))}"
            raise SettingsError(f"{where}: unknown setting '{full}'.{hint}")
        current = getattr(default, name)
        if is_dataclass(current):
            if not isinstance(value, dict):
                raise SettingsError(f"{where}: '{full}' must be a table")
            changes[name] = _fill(current, value, where, full + ".")
        else:
            changes[name] = _value(value, hints[name], where, full)
    return replace(default, **changes)


def _value(value: Any, hint: Any, where: str, full: str) -> Any:
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in allowed:
        origin = typing.get_origin(kind) or kind
        if origin is Path and isinstance(value, str):
            return Path(value)
        if origin is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if origin is tuple and isinstance(value, list):
            return tuple(value)
        if origin is dict and isinstance(value, dict):
            return dict(value)
        if origin in (int, str, bool) and type(value) is origin:
            return value
    names = " or ".join(getattr(k, "__name__", str(k)) for k in allowed if k is not type(None))
    raise SettingsError(f"{where}: '{full}' must be {names}, not {type(value).__name__}")
