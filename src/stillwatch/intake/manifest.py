"""What a store says of itself: one JSON file, written whole, that names every part which counts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import orjson

from stillwatch.ingest.base import LogFile, Split
from stillwatch.intake.files import Identity, Stamp
from stillwatch.records.coverage import Coverage

VERSION = 1
Part = tuple[str, int]  # path below the store, and bytes


@dataclass(frozen=True, slots=True)
class StoredFile:
    """
    A log file that was read.

    Args:
        identity: Which bytes, and where they were seen last.
        log: The file as it was read; `log.path` is where it lay then.
        splits: How it was read, numbered as its rows are.
        days: Coverage of each day (UTC) that is kept.
        rest: Coverage of what belongs to no exchange.
        n_bad: Lines that could not be read.
        bad: Where these lie: path below the store, and bytes.
        last_day: The newest day of its exchanges; of a file that holds none, the newest of the store when it came.
        kept: Is a day of it kept? If not, it is here so that it is not read again.
    """

    identity: Identity
    log: LogFile
    splits: tuple[Split, ...]
    days: Mapping[str, Coverage]
    rest: Coverage
    n_bad: int
    bad: tuple[Part, ...]
    last_day: str
    kept: bool = True

    def since(self, day: str) -> Self:
        """Without the days before `day`; of a file that is older nothing is kept but that it was read."""
        kept = {d: c for d, c in self.days.items() if d >= day}
        if self.last_day >= day:
            return replace(self, days=kept)
        return replace(self, days=kept, rest=Coverage(), n_bad=0, bad=(), kept=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    What was read and committed at once: one log file, or several small ones.

    Args:
        files: In the order in which they were read.
        parts: Day -> path below the store, and bytes, of the parts of its exchanges.
    """

    files: tuple[StoredFile, ...]
    parts: Mapping[str, tuple[Part, ...]]

    @property
    def digests(self) -> frozenset[str]:
        """Of its files."""
        return frozenset(f.identity.digest for f in self.files)

    def since(self, day: str) -> Self:
        """Without the days before `day`."""
        parts = {d: p for d, p in self.parts.items() if d >= day}
        return replace(self, files=tuple(f.since(day) for f in self.files), parts=parts)


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    Args:
        bound: What the signatures depend on besides the logs: key, settings, code.
        next_split: Number of the next split; numbers are never used twice.
        deliveries: In the order in which they came.
    """

    bound: Mapping[str, Any]
    next_split: int = 0
    deliveries: tuple[Delivery, ...] = ()

    @property
    def paths(self) -> frozenset[str]:
        """Every file below the store that counts."""
        return frozenset(path for path, _ in self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The same, each with its bytes."""
        exchanges = (part for d in self.deliveries for held in d.parts.values() for part in held)
        return (*exchanges, *(part for f in self.files for part in f.bad))

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """The log files of the days that are kept."""
        return tuple(f for d in self.deliveries for f in d.files if f.kept)

    @property
    def newest_day(self) -> str:
        """The newest day of all; "" where there is none."""
        return max(self.days, default="")

    @property
    def days(self) -> frozenset[str]:
        """Every day that is kept."""
        return frozenset(day for d in self.deliveries for day in d.parts)

    def to_json(self) -> bytes:
        """As `from_json` reads it back."""
        tree = {
            "version": VERSION,
            "bound": self.bound,
            "next_split": self.next_split,
            "deliveries": [_plain(d) for d in self.deliveries],
        }
        return orjson.dumps(tree, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """
        What `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            tree = orjson.loads(raw)
            if tree["version"] != VERSION:
                raise ValueError(f"version {tree['version']}")
            return cls(tree["bound"], tree["next_split"], tuple(map(_delivery, tree["deliveries"])))
        except (KeyError, TypeError) as error:
            raise ValueError("is no manifest") from error


def _plain(delivery: Delivery) -> dict[str, Any]:
    return {"files": [_plain_file(f) for f in delivery.files], "parts": delivery.parts}


def _plain_file(file: StoredFile) -> dict[str, Any]:
    days = {day: coverage.to_plain() for day, coverage in file.days.items()}
    bare = replace(file, days={}, rest=Coverage())
    return asdict(bare) | {"days": days, "rest": file.rest.to_plain()}


def _delivery(tree: Mapping[str, Any]) -> Delivery:
    return Delivery(tuple(map(_file, tree["files"])), {day: _parts(held) for day, held in tree["parts"].items()})


def _file(tree: Mapping[str, Any]) -> StoredFile:
    return StoredFile(
        identity=_identity(tree["identity"]),
        log=LogFile(**tree["log"]),
        splits=tuple(Split(**{**split, "also": ()}) for split in tree["splits"]),
        days={day: Coverage.from_plain(c) for day, c in tree["days"].items()},
        rest=Coverage.from_plain(tree["rest"]),
        n_bad=tree["n_bad"],
        bad=_parts(tree["bad"]),
        last_day=tree["last_day"],
        kept=tree["kept"],
    )


def _parts(held: Sequence[Sequence[Any]]) -> tuple[Part, ...]:
    return tuple((path, size) for path, size in held)


def _identity(tree: Mapping[str, Any]) -> Identity:
    path, size, changed, inode = tree["stamp"]
    stamp: Stamp = (path, size, changed, inode)
    return Identity(tree["digest"], stamp, tree["replaces"])
