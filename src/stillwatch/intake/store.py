"""
A store of signatures that scans add to: immutable parts, one a split and day, and a manifest that names those which count.

A part is written first, then made lasting (fsync), then named by a new manifest, which takes the old one's place in one
rename. Whoever is killed, or finds the disk full, leaves at worst parts that no manifest names; the next run sweeps them up.
One run at a time may add: a lock (flock) that the system lets go of with the process.
"""

import fcntl
import functools
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from stillwatch import signatures
from stillwatch.engine import parts
from stillwatch.errors import EngineError, SettingsError
from stillwatch.ingest import quarantine
from stillwatch.ingest.base import Skipped, Source
from stillwatch.intake.files import Identity, stamp_of
from stillwatch.intake.manifest import Delivery, Manifest, Part, StoredFile
from stillwatch.intake.signing import SIGNED_TABLES
from stillwatch.privacy import Key
from stillwatch.records.coverage import Coverage
from stillwatch.settings import IngestSettings

MANIFEST, LOCK = "manifest.json", "lock"
_FOLDERS = (*(spec.name for spec in SIGNED_TABLES), quarantine.FOLDER)
_READING = ("format", "time_format", "columns")  # the settings of ingest that say what a line means


@dataclass(frozen=True, slots=True)
class Bound:
    """
    What the signatures of a store depend on besides its logs; under another key, setting or code they would not be comparable.

    Args:
        key_id: Names the key.
        reading: Settings of ingest that say what a line means.
        epoch: Name and key id of the exchange's epoch; None without one.
        code: What this version's signatures look like.
    """

    key_id: str
    reading: Mapping[str, Any]
    epoch: tuple[str, str] | None
    code: str

    @classmethod
    def of(cls, key: Key, settings: IngestSettings, epoch: signatures.Epoch | None) -> "Bound":
        """What a run would sign by."""
        reading = {name: getattr(settings, name) for name in _READING}
        return cls(key.key_id, reading, (epoch.name, epoch.key.key_id) if epoch else None, signatures.mark(epoch is not None))

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        plain: dict[str, Any] = orjson.loads(orjson.dumps(asdict(self)))
        return plain

    def check(self, stored: Mapping[str, Any], where: Path) -> None:
        """
        Refuse a store that was filled by other means.

        Raises:
            SettingsError: naming the first difference and the remedy.
        """
        told = self.to_plain()
        if told["key_id"] != stored["key_id"]:
            raise SettingsError(
                f"{where}: was filled under another key (id {stored['key_id']}; the key of this run has id {told['key_id']}). "
                "Pass --key-file with the key it was filled under, or give --store a new folder"
            )
        changed = [f"ingest.{name}" for name in _READING if told["reading"][name] != stored["reading"][name]]
        if told["epoch"] != stored["epoch"]:
            changed.append("sharing.epoch or its key")
        if changed:
            raise SettingsError(
                f"{where}: was filled under another value of {' and '.join(changed)}. Set it back, or give --store a new "
                "folder and scan the logs of its days into it"
            )
        if told["code"] != stored["code"]:
            raise SettingsError(
                f"{where}: was filled by a version of Stillwatch whose signatures differ from this one's, so the two cannot be "
                "compared. Give --store a new folder, and scan the logs of its days into it"
            )


class Store:
    """
    An open, locked store; `opened` gives one.

    Args:
        root: Its folder.
        manifest: What it holds.
    """

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest
        self.run = secrets.token_hex(4)  # part of the name of every part: one that a killed run's worker still writes harms none

    @classmethod
    @contextmanager
    def opened(cls, root: Path, bound: Bound) -> Iterator["Store"]:
        """
        Lock a store, or begin one, and sweep up what a killed run has left.

        Raises:
            SettingsError: the folder is something else, or the store was filled under another key, setting or version.
            EngineError: another run is adding to it, or a part of it is missing.
        """
        _prepare(root)
        with _locked(root / LOCK):
            stored = _manifest(root)
            if stored is not None:
                bound.check(stored.bound, root)
            store = cls(root, stored or Manifest(bound.to_plain()))
            if stored is None:
                store.commit(store.manifest)
            store._check_parts()
            store.sweep()
            yield store

    def commit(self, manifest: Manifest) -> None:
        """
        Let `manifest` be what counts; on disk before it returns.

        Raises:
            EngineError: the disk is full or may not be written.
        """
        new = manifest.paths - self.manifest.paths
        target = self.root / MANIFEST
        try:
            for path in sorted(new):
                _sync(self.root / path)
            for folder in sorted({(self.root / path).parent for path in new}):
                _sync(folder)
            parts.write_bytes(target, manifest.to_json(), durable=True)
            _sync(self.root)
        except OSError as error:
            raise parts.told(error, target) from error
        self.manifest = manifest

    def written(self, number: int) -> tuple[dict[str, tuple[Part, ...]], dict[int, Part]]:
        """What this run has written for one split: the parts of each day, and the bad lines of each file by its place."""
        days: dict[str, list[Part]] = {}
        bad: dict[int, Part] = {}
        start = f"part-{number:06d}-"
        for name in _FOLDERS:
            for path in sorted((self.root / name).glob(f"{start}*-{self.run}.*")):
                label, part = path.name[len(start) :].split(f"-{self.run}")[0], (f"{name}/{path.name}", path.stat().st_size)
                if name == quarantine.FOLDER:
                    bad[int(label)] = part
                elif path.suffix == ".parquet":
                    days.setdefault(label, []).append(part)
        return {day: tuple(held) for day, held in days.items()}, bad

    def keep_days(self, n_days: int) -> int:
        """
        Let go of all but the newest `n_days` days (UTC); returns how many days were dropped.

        The newest day is that of the newest exchange; one that claims to be more than a day ahead of this machine's clock
        does not count.
        """
        since, old = self.since(n_days), self.manifest.days
        left = tuple(d.since(since) for d in self.manifest.deliveries)
        if left != self.manifest.deliveries:
            self.commit(replace(self.manifest, deliveries=left))
            self.sweep()
        return len(old - self.manifest.days)

    def since(self, n_days: int | None) -> str:
        """The oldest of the newest `n_days` days; "" where that says nothing."""
        days = [day for day in self.manifest.days if day <= str(today() + timedelta(days=1))]
        return str(date.fromisoformat(max(days)) - timedelta(days=n_days - 1)) if days and n_days else ""

    def sweep(self) -> None:
        """Remove every file of the store's folders that the manifest does not name."""
        named = self.manifest.paths
        for left in self.root.glob(f"{MANIFEST}.*.tmp"):
            left.unlink(missing_ok=True)
        for name in _FOLDERS:
            folder = self.root / name
            for path in folder.iterdir() if folder.is_dir() else ():
                if f"{name}/{path.name}" not in named:
                    path.unlink(missing_ok=True)

    def source(self, skipped: Sequence[Skipped]) -> Source:
        """The whole input of all runs, as one scan over it would have found it; files that are gone give no text any more."""
        files = self.manifest.files
        splits = [replace(s, path=f.identity.stamp[0]) for f in files if _is_there(f) for s in f.splits]
        return Source(tuple(f.log for f in files), tuple(splits), tuple(skipped), None, sum(f.log.size_bytes for f in files))

    def coverage(self) -> tuple[Coverage, int]:
        """How much of each column there is in all days, and how many lines could not be read."""
        files = [f for d in self.manifest.deliveries for f in d.files]
        total = functools.reduce(Coverage.merge, (c for f in files for c in (f.rest, *f.days.values())), Coverage())
        return total, sum(f.n_bad for f in files)

    def digest(self) -> str:
        """Sixteen hex digits that name what it holds."""
        return hashlib.sha256(orjson.dumps(sorted(self.manifest.paths))).hexdigest()[:16]

    def link(self, root: Path) -> None:
        """
        Show every part in the folder of a scan, under its own name: as a second name of the same file where the file system
        can, else by a symbolic link.

        Raises:
            EngineError: the disk is full or may not be written.
        """
        for path in sorted(self.manifest.paths):
            target = root / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                _linked((self.root / path).resolve(), target)
            except OSError as error:
                raise parts.told(error, target) from error

    def refresh(self, found: Sequence[Identity], since: str) -> None:
        """
        Note where known files lie now. Forget deliveries of which no day is kept, but for those that are given again and are
        older than `since`: they need not be read again.
        """
        now = {f.digest: f.stamp for f in found}

        def seen(file: StoredFile) -> StoredFile:
            return replace(file, identity=replace(file.identity, stamp=now.get(file.identity.digest, file.identity.stamp)))

        def known(delivery: Delivery) -> bool:
            return any(f.kept or (f.identity.digest in now and f.last_day < since) for f in delivery.files)

        deliveries = tuple(replace(d, files=tuple(map(seen, d.files))) for d in self.manifest.deliveries if known(d))
        if deliveries != self.manifest.deliveries:
            self.commit(replace(self.manifest, deliveries=deliveries))

    def _check_parts(self) -> None:
        for path, size in self.manifest.parts:
            target = self.root / path
            if not target.exists() or target.stat().st_size != size:
                raise EngineError(
                    f"{target}: is missing or was changed since it was written. Bring the store back from a copy, or give "
                    "--store a new folder and scan the logs of its days into it"
                )


def today() -> date:
    """Today (UTC), by the clock of this machine."""
    return datetime.now(UTC).date()


def _prepare(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{root}: cannot be made ({error.strerror}). Give --store a folder that may be written") from error
    strange = sorted(p.name for p in root.iterdir() if p.name not in (MANIFEST, LOCK) and p.suffix != ".tmp")
    if strange and not (root / MANIFEST).exists():
        raise SettingsError(f"{root}: is not empty and no store ('{strange[0]}' is in it). Give --store another folder")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(handle, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(handle)
        raise EngineError(
            f"{path.parent}: another scan is adding to this store (process {holder}). Wait until it ends, and run again"
        ) from error
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _manifest(root: Path) -> Manifest | None:
    path = root / MANIFEST
    if not path.exists():
        return None
    try:
        return Manifest.from_json(path.read_bytes())
    except ValueError as error:
        raise SettingsError(f"{path}: is no manifest that this version reads. Give --store a new folder") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one that has no hard links
        os.symlink(source, target)


def _is_there(file: StoredFile) -> bool:
    """Does the file lie where it was seen last, unchanged?"""
    try:
        return stamp_of(file.identity.stamp[0]) == file.identity.stamp
    except OSError:
        return False
