"""
A bundle as a MISP feed: a folder of JSON that any web server can offer and any MISP can pull.

MISP pushes to TAXII but does not pull from it; its feeds are how it reads others. An event is a report or an open case, an
attribute an indicator; uuids are those of the STIX objects, so that both ways in lead to the same thing. Withdrawn indicators
become deleted attributes, expired ones are left out.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import SharingError
from stillwatch.records.whole import whole
from stillwatch.sharing import catalogue
from stillwatch.sharing.hunt.indicators import CONTRACT_PATH, SKETCH_PATH, TOKEN_PATH
from stillwatch.sharing.taxii import marking, patterns, times

_UNDEFINED_THREAT, _ONGOING, _COMPLETED = "4", "1", "2"  # MISP: threat_level_id, analysis


def write(bundle: Mapping[str, Any], folder: Path, now_us: int) -> str:
    """
    Put the event of a bundle into a feed; it replaces an older event of the same report. Returns the event's uuid.

    Args:
        bundle: As `bundle.build` or `bundle.withdraw` made it.
        folder: Made if it is not there; other events in it stay.

    Raises:
        SharingError: the bundle has no report, or the folder holds no feed.
    """
    event = _event(bundle, now_us)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(folder)
    name = event["uuid"]
    manifest[name] = {key: event[key] for key in ("Orgc", "Tag", "info", "date", "analysis", "threat_level_id", "timestamp")}
    _replace(folder / f"{name}.json", orjson.dumps({"Event": event}, option=orjson.OPT_INDENT_2))
    _replace(folder / "hashes.csv", _hashes(folder, event))
    _replace(folder / "manifest.json", orjson.dumps(manifest))  # last: whoever reads it finds all it names
    return str(name)


def _event(bundle: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    objects = {one["id"]: one for one in bundle.get("objects", ())}
    reports = [one for one in objects.values() if one["type"] in ("report", "grouping")]
    if len(reports) != 1:
        raise SharingError("a feed is made of a bundle with one report or open case, as stillwatch share export makes it")
    report, is_open = reports[0], reports[0]["type"] == "grouping"
    moment = str(times.parse(report["modified"]) // times.SECOND_US)
    tags = [{"name": name} for name in sorted({tag for ref in report["object_marking_refs"] for tag in _tag(ref)})]
    return {
        "uuid": _uuid(report),
        "info": f"{'Open case' if is_open else 'Distillation campaign'} {report['name']}",
        "date": report.get("published", report["modified"])[:10],
        "timestamp": moment,
        "publish_timestamp": moment,
        "published": True,
        "analysis": _ONGOING if is_open else _COMPLETED,
        "threat_level_id": _UNDEFINED_THREAT,
        "distribution": "3",
        "Orgc": {"name": "Member", "uuid": report["created_by_ref"].partition("--")[2]},
        "Tag": tags,
        "Attribute": [a for one in objects.values() if one["type"] == "indicator" for a in _attributes(one, now_us)],
    }


def _attributes(thing: Mapping[str, Any], now_us: int) -> Iterable[dict[str, Any]]:
    if times.parse(thing["valid_until"]) <= now_us and thing.get("revoked") is not True:
        return
    kind, category, value = _value(thing)
    yield {
        "uuid": _uuid(thing),
        "type": kind,
        "category": category,
        "value": value,
        "to_ids": kind == "ip-src",
        "comment": f"{thing['name']}; valid until {thing['valid_until'][:10]}{_how(thing)}",
        "timestamp": str(times.parse(thing["modified"]) // times.SECOND_US),
        "deleted": thing.get("revoked") is True,
        "disable_correlation": False,
    }


def _value(thing: Mapping[str, Any]) -> tuple[str, str, str]:
    """Type, category and value of an indicator's attribute."""
    if thing["pattern_type"] == "sigma":
        return "sigma", "External analysis", thing["pattern"]
    (comparison,) = patterns.comparisons(thing["pattern"])
    if comparison.path in (CONTRACT_PATH, SKETCH_PATH, TOKEN_PATH):
        return "stix2-pattern", "Network activity", thing["pattern"]
    return "ip-src", "Network activity", comparison.values[0]


def _how(thing: Mapping[str, Any]) -> str:
    """How a sketch or a contract is computed: MISP keeps no extension, but a comment; `hunt.misp` reads it again."""
    told = thing.get("extensions", {}).get(catalogue.EXTENSION, {})
    if "algorithm" not in told:
        return ""
    if told["kind"] == "contract":
        return f"; {told['algorithm']} epoch {told['key_id']}"
    how = " ".join(str(told[name]) for name in ("algorithm", "num_perm", "shingle", "normalizer"))
    return f"; {how} epoch {told['key_id']} threshold {told['match_threshold']}"


def _tag(ref: str) -> list[str]:
    return [f"tlp:{marking.NAMES[marking.LEVELS[ref]]}"] if ref in marking.LEVELS else []


def _uuid(thing: Mapping[str, Any]) -> str:
    return str(thing["id"]).partition("--")[2]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.exists():
        if any(folder.iterdir()):
            raise SharingError(f"{folder}: is not empty and holds no feed. Choose another folder")
        return {}
    try:
        kept = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise SharingError(f"{path}: is no manifest of a MISP feed") from error
    if not isinstance(kept, dict):
        raise SharingError(f"{path}: is no manifest of a MISP feed")
    return kept


def _hashes(folder: Path, event: Mapping[str, Any]) -> bytes:
    """MD5 of each value and the event's uuid, a line each: MISP's quick check, not a secret of anyone."""
    path = folder / "hashes.csv"
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if not line.endswith(event["uuid"])]
    new = [
        f"{hashlib.md5(a['value'].encode(), usedforsecurity=False).hexdigest()},{event['uuid']}"
        for a in event["Attribute"]
        if not a["deleted"]
    ]
    return "".join(line + "\n" for line in (*kept, *new)).encode()


def _replace(path: Path, raw: bytes) -> None:
    with whole(path) as beside:
        beside.write_bytes(raw)
