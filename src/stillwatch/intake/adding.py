"""What is new of some logs goes into a store: file by file, each committed when it is read."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from stillwatch import ingest, signatures
from stillwatch.engine.base import Engine
from stillwatch.ingest.base import LogFile, Source, Split
from stillwatch.intake.files import Identity, identify
from stillwatch.intake.manifest import Delivery, Manifest, Part, StoredFile
from stillwatch.intake.signing import FileReport, SignSplit, SplitReport
from stillwatch.intake.store import Store, today
from stillwatch.privacy import Key
from stillwatch.records.coverage import Coverage
from stillwatch.records.progress import Observer
from stillwatch.settings import IngestSettings

COMMIT_EVERY_S = 1.0  # a commit writes the whole manifest: of thousands of small files several go into one


@dataclass(frozen=True, slots=True)
class _Unit:
    """Splits that share files, and are therefore committed at once."""

    splits: tuple[Split, ...]

    @property
    def paths(self) -> list[str]:
        """Of its files, each once, in their order."""
        return list(dict.fromkeys(s.path for split in self.splits for s in (split, *split.also)))


def add(
    store: Store,
    source: Source,
    settings: IngestSettings,
    key: Key,
    epoch: signatures.Epoch | None,
    reading: Callable[[], AbstractContextManager[Engine]],
    watch: Observer,
    keep_days: int | None = None,
) -> int:
    """
    Read what the store has not: files are told by their bytes, wherever they lie.

    A file that only grew takes the place of what it was. What is read is committed file by file, so that a run that is
    stopped goes on where it was.

    Args:
        source: The logs of this run.
        reading: Opens an engine to read with; called only where there is something to read.
        keep_days: Days that will be kept, as of `Store.keep_days`: files that hold none of them any more are not read again.

    Returns:
        Files that were read.

    Raises:
        LogFormatError: a file of which too little can be read; it is not kept.
        EngineError: the disk is full.
    """
    found = {log.path: identity for log, identity in _identified(store.manifest, source.files)}
    since = store.since(keep_days)
    store.refresh(list(found.values()), since)
    fresh = _wanted(store.manifest, found, since)
    if not fresh:
        return 0
    new = ingest.discover(fresh, settings)
    splits = _numbered(new.splits, store.manifest.next_split)
    watch.stage("read", new.n_rows)
    with reading() as engine:
        reports = engine.map(SignSplit(store.root, settings, key, epoch, store.run), splits)
        _commit_all(store, new, splits, reports, found, settings, watch)
    store.sweep()
    watch.done()
    return len(fresh)


def _numbered(splits: Sequence[Split], first: int) -> list[Split]:
    """Every file of every split has a number of its own, so that each can be read again by itself."""
    out = []
    for split in splits:
        also = tuple(replace(s, number=first + 1 + i) for i, s in enumerate(split.also))
        out.append(replace(split, number=first, also=also))
        first += 1 + len(also)
    return out


def _identified(manifest: Manifest, logs: Sequence[LogFile]) -> Iterator[tuple[LogFile, Identity]]:
    stored = [f.identity for d in manifest.deliveries for f in d.files]
    known = {i.stamp: i.digest for i in stored}
    earlier = {i.stamp[0]: (i.stamp[1], i.digest) for i in stored}
    for log in logs:
        yield log, identify(log.path, known, earlier)


def _wanted(manifest: Manifest, found: dict[str, Identity], since: str) -> list[str]:
    """
    Paths to read, each content once: what the store does not hold and is not too old, and what was committed together with a
    file that grew, since a delivery is dropped as a whole.
    """
    files = [f for d in manifest.deliveries for f in d.files]
    held = {f.identity.digest for f in files if f.kept or f.last_day < since}
    by_digest = {identity.digest: path for path, identity in reversed(found.items())}
    wanted = {digest for digest in by_digest if digest not in held}
    grown = _replaced(manifest) | {i.replaces for i in found.values() if i.digest in wanted and i.replaces}
    for number, delivery in enumerate(manifest.deliveries):
        others = delivery.digests - grown - _later(manifest, number)
        if delivery.digests & grown and others <= by_digest.keys():
            wanted |= others
    return [path for path, i in found.items() if i.digest in wanted and by_digest[i.digest] == path]


def _replaced(manifest: Manifest) -> set[str]:
    return {f.identity.replaces for d in manifest.deliveries for f in d.files if f.identity.replaces}


def _later(manifest: Manifest, number: int) -> set[str]:
    return {digest for d in manifest.deliveries[number + 1 :] for digest in d.digests}


def _outlived(manifest: Manifest) -> Manifest:
    """Without deliveries of which every file has grown, or has been read again."""
    replaced = _replaced(manifest)
    if not replaced:
        return manifest
    kept = tuple(
        d
        for number, d in enumerate(manifest.deliveries)
        if not (d.digests & replaced and d.digests <= replaced | _later(manifest, number))
    )
    return replace(manifest, deliveries=kept)


def _commit_all(
    store: Store,
    new: Source,
    splits: Sequence[Split],
    reports: Iterator[SplitReport],
    found: dict[str, Identity],
    settings: IngestSettings,
    watch: Observer,
) -> None:
    """Commit each unit when its last split is read; several at once where they are small."""
    logs = {log.path: log for log in new.files}
    waiting: list[Delivery] = []
    since = time.monotonic()
    try:
        for unit in _units(splits):
            told = []
            for report in (next(reports) for _ in unit.splits):
                told.append(report)
                watch.advance(report.coverage.n_rows)
            waiting.append(_delivery(store, unit, told, logs, found, settings))
            if time.monotonic() - since >= COMMIT_EVERY_S:
                _commit(store, waiting)
                waiting, since = [], time.monotonic()
        next(reports, None)  # there is none: the engine lets its workers go
    finally:
        if waiting:
            _commit(store, waiting)


def _commit(store: Store, deliveries: Sequence[Delivery]) -> None:
    held = store.manifest
    newest = max((day for d in deliveries for day in d.parts), default=held.newest_day) or str(today())
    dated = tuple(replace(d, files=tuple(_dated(f, max(newest, held.newest_day)) for f in d.files)) for d in deliveries)
    following = max(s.number for d in deliveries for f in d.files for s in f.splits) + 1
    store.commit(_outlived(replace(held, next_split=following, deliveries=(*held.deliveries, *dated))))


def _dated(file: StoredFile, newest: str) -> StoredFile:
    return replace(file, last_day=max(file.days, default=newest))


def _units(splits: Sequence[Split]) -> Iterator[_Unit]:
    unit: list[Split] = []
    for split in splits:
        if unit and not _paths(split) & {p for s in unit for p in _paths(s)}:
            yield _Unit(tuple(unit))
            unit = []
        unit.append(split)
    if unit:
        yield _Unit(tuple(unit))


def _paths(split: Split) -> set[str]:
    return {split.path, *(s.path for s in split.also)}


def _delivery(
    store: Store,
    unit: _Unit,
    reports: Sequence[SplitReport],
    logs: Mapping[str, LogFile],
    found: Mapping[str, Identity],
    settings: IngestSettings,
) -> Delivery:
    files = {path: StoredFile(found[path], logs[path], (), {}, Coverage(), 0, (), "") for path in unit.paths}
    parts: dict[str, tuple[Part, ...]] = {}
    for split, report in zip(unit.splits, reports, strict=True):
        days, bad = store.written(split.number)
        for day, held in days.items():
            parts[day] = (*parts.get(day, ()), *held)
        for place, (one, told) in enumerate(zip((split, *split.also), report.files, strict=True)):
            files[one.path] = _with(files[one.path], replace(one, also=()), told, bad.get(place))
    for file in files.values():
        if file.n_bad:
            n_rows = sum(c.n_rows for c in file.days.values())
            ingest.enough(Source((file.log,), file.splits, (), None, 0), n_rows, file.n_bad, settings)
    return Delivery(tuple(files.values()), dict(sorted(parts.items())))


def _with(file: StoredFile, split: Split, told: FileReport, bad: Part | None) -> StoredFile:
    """The file with one more of its splits."""
    days = dict(file.days)
    for day, coverage in told.days.items():
        days[day] = days.get(day, Coverage()).merge(coverage)
    return replace(
        file,
        splits=(*file.splits, split),
        days=dict(sorted(days.items())),
        rest=file.rest.merge(told.rest),
        n_bad=file.n_bad + told.n_bad,
        bad=(*file.bad, bad) if bad else file.bad,
    )
