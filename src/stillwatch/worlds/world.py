"""What is in a world: parts with their dials, from a preset, a TOML file or code."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from stillwatch.errors import SettingsError
from stillwatch.worlds.catalogue import PARTS
from stillwatch.worlds.draft import Part

ANSWERS = ("none", "grammar", "given")
ABSORBING = ("chat", "framework")  # kinds that grow when a world is asked for at another size


@dataclass(frozen=True)
class World:
    """
    A world to be built.

    Args:
        name: For the truth file.
        parts: What is in it, by name; names are unique and order is kept.
        days: Length of the window.
        start: First day, ISO 8601, UTC.
        release: The new model comes at this share of the window.
        answers: "none", "grammar" (made up for all) or "given" (where a corpus has them; tells sources apart).
        history: Write `messages`, the whole request with its earlier turns.
    """

    name: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    days: float = 14.0
    start: str = "2026-09-01"
    release: float = 0.55
    answers: str = "none"
    history: bool = False

    def __post_init__(self) -> None:
        if self.days <= 0 or not 0.0 <= self.release <= 1.0:
            raise SettingsError(f"world '{self.name}': days must be above 0 and release within 0 … 1")
        if self.answers not in ANSWERS:
            raise SettingsError(f"world '{self.name}': answers must be one of {', '.join(ANSWERS)}, not {self.answers}")

    def named_parts(self) -> list[tuple[str, Part]]:
        """Names and parts in order."""
        return list(self.parts.items())

    @property
    def accounts(self) -> int:
        """Accounts of all parts."""
        return sum(p.accounts for p in self.parts.values())

    @property
    def exchanges(self) -> int:
        """Exchanges of all parts."""
        return sum(p.exchanges for p in self.parts.values())

    def sized(self, exchanges: int | None = None, accounts: int | None = None) -> "World":
        """
        The same world with as many exchanges and accounts as asked for: chat and frameworks absorb the difference.

        Raises:
            SettingsError: the other parts alone are more than that.
        """
        changes: dict[str, dict[str, int]] = {name: {} for name in self.parts}
        for dial, wanted in (("exchanges", exchanges), ("accounts", accounts)):
            if wanted is not None:
                for name, value in _absorbed(self.parts, dial, wanted).items():
                    changes[name][dial] = value
        try:
            parts = {n: replace(p, **changes[n]) if changes[n] else p for n, p in self.parts.items()}  # type: ignore[type-var]
        except ValueError as error:
            raise SettingsError(f"world '{self.name}' at that size: {error}") from error
        return replace(self, parts=parts)

    @property
    def harvested(self) -> int:
        """Exchanges that the campaigns harvest, cover left out."""
        return sum(round(p.exchanges * (1.0 - getattr(p, "cover", 0.0))) for p in self.parts.values() if p.campaign)

    def diluted(self, prevalence: float) -> "World":
        """
        The same world with so much ordinary traffic, of as many more accounts, that the harvest is this share of all exchanges.

        Args:
            prevalence: Harvested exchanges of all exchanges, 1e-6 to 1.

        Raises:
            SettingsError: out of range, nothing is planted, or the campaigns and look-alikes alone are more than that.
        """
        if not 1e-6 <= prevalence <= 1.0:
            raise SettingsError("world: prevalence must lie in 1e-6 … 1")
        if self.harvested == 0:
            raise SettingsError(f"world '{self.name}': no campaign is planted, so none can have a prevalence")
        wanted = round(self.harvested / prevalence)
        soft = [p for p in self.parts.values() if p.kind in ABSORBING]
        ordinary = sum(p.exchanges for p in soft)
        growth = (ordinary + wanted - self.exchanges) / max(1, ordinary)
        grown = max(len(soft), round(sum(p.accounts for p in soft) * growth))
        return self.sized(wanted, self.accounts - sum(p.accounts for p in soft) + grown)


def _absorbed(parts: Mapping[str, Part], dial: str, wanted: int) -> dict[str, int]:
    soft = {n: p for n, p in parts.items() if p.kind in ABSORBING}
    hard = sum(getattr(p, dial) for n, p in parts.items() if n not in soft)
    have = sum(getattr(p, dial) for p in soft.values())
    left = wanted - hard
    if not soft or left < len(soft):
        raise SettingsError(
            f"world: {wanted} {dial} are too few: its campaigns and look-alikes alone have {hard}. "
            "Ask for more, or shrink them with --set"
        )
    shares = {n: getattr(p, dial) * left // have for n, p in soft.items()}
    first = next(iter(soft))
    shares[first] += left - sum(shares.values())
    return shares


def preset(name: str) -> World:
    """
    A shipped world.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in preset_names():
        near = difflib.get_close_matches(name, preset_names(), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SettingsError(f"no preset '{name}'.{hint} There are: {', '.join(preset_names())}")
    text = (resources.files("stillwatch.worlds") / "presets" / f"{name}.toml").read_text("utf-8")
    return from_mapping(tomllib.loads(text), name)


def preset_names() -> list[str]:
    """Names of the shipped worlds."""
    folder = resources.files("stillwatch.worlds") / "presets"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def load(path: Path) -> World:
    """
    A world from a TOML file of the presets' form.

    Raises:
        SettingsError: it cannot be read, or a dial is unknown or out of range.
    """
    try:
        return from_mapping(tomllib.loads(path.read_text("utf-8")), str(path))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error


def from_mapping(tree: Mapping[str, Any], where: str) -> World:
    """A world from nested mappings, as TOML gives them: dials of the world, and a list `parts`."""
    told = {k: v for k, v in tree.items() if k != "parts"}
    _refuse_unknown(told, {f.name for f in fields(World)} - {"parts"}, where)
    parts: dict[str, Part] = {}
    for entry in tree.get("parts", []):
        for name, part in _parts(dict(entry), where):
            if name in parts:
                raise SettingsError(f"{where}: two parts are called '{name}'. Give one another name")
            parts[name] = part
    told.setdefault("name", Path(where).stem)
    return World(parts=parts, **told)


def _parts(entry: dict[str, Any], where: str) -> Iterator[tuple[str, Part]]:
    kind, copies = entry.pop("kind", None), entry.pop("copies", 1)
    if kind not in PARTS:
        raise SettingsError(f"{where}: no part of kind '{kind}'. There are: {', '.join(PARTS)}")
    name = entry.pop("name", kind)
    for copy in range(copies):
        yield (name if copies == 1 else f"{name}-{copy + 1}"), made(PARTS[kind], entry, f"{where}: {name}")


def made(part: type, dials: Mapping[str, Any], where: str) -> Any:
    """
    A part from its dials.

    Raises:
        SettingsError: a dial is unknown, of another type or out of range.
    """
    known = {f.name: f for f in fields(part)}
    _refuse_unknown(dials, set(known), where)
    try:
        return part(**{name: _typed(value, known[name].type, f"{where}.{name}") for name, value in dials.items()})
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error


def with_dials(world: World, dials: Mapping[str, str]) -> World:
    """
    The world with some dials turned, as `--set` gives them: `NAME.DIAL=VALUE` with a part's name, a kind, `campaign` or `world`.

    Raises:
        SettingsError: no part or no dial of that name, or a value that does not fit.
    """
    parts, own = dict(world.parts), {}
    for path, raw in dials.items():
        target, _, dial = path.rpartition(".")
        value = tomllib.loads(f"v = {raw}")["v"] if _is_toml(raw) else raw
        if target in ("", "world"):
            own[dial] = value
            continue
        hit = [n for n, p in parts.items() if n == target or p.kind == target or (target == "campaign" and p.campaign)]
        if not hit:
            raise SettingsError(f"--set {path}: no part is called or of kind '{target}'. There are: {', '.join(parts)}")
        for name in hit:
            part: Any = parts[name]
            parts[name] = made(type(part), {**_dials(part), dial: value}, f"--set {name}")
    _refuse_unknown(own, {f.name for f in fields(World)} - {"parts"}, "--set world")
    typed = {k: _typed(v, {f.name: f.type for f in fields(World)}[k], f"--set world.{k}") for k, v in own.items()}
    return replace(world, parts=parts, **typed)


def told(world: World, seed: int) -> dict[str, Any]:
    """The world as plain values, for the truth file."""
    parts = [{"name": n, "kind": p.kind, "campaign": p.campaign, "dials": _dials(p)} for n, p in world.named_parts()]
    return {"seed": seed, **{k: v for k, v in _dials(world).items() if k != "parts"}, "parts": parts}


def _dials(part: Any) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part)}


def _is_toml(raw: str) -> bool:
    try:
        tomllib.loads(f"v = {raw}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _typed(value: Any, hint: Any, where: str) -> Any:
    names = {int: "int", float: "float", str: "str", bool: "bool"}
    allowed = [k for k, n in names.items() if n in str(hint).replace("<class '", "").replace("'>", "").split(" | ")]
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) in allowed or (value is None and "None" in str(hint)):
        return value
    raise SettingsError(f"{where} must be {' or '.join(names[k] for k in allowed)}, not {type(value).__name__}")


def _refuse_unknown(told: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in told:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else f" Known here: {', '.join(sorted(known))}"
            raise SettingsError(f"{where}: unknown dial '{name}'.{hint}")
