"""
A bundle as an OCSF Detection Finding (class 2004, OCSF 1.8.0), for data lakes and SIEMs that read no STIX: one JSON line.

Made from a bundle and from nothing else, so it says what the bundle says: the same floors, the same days, the same reasons.
Indicators stand in `osint` (profile of that name), networks among the observables too.

References:
    schema.ocsf.io/1.8.0/classes/detection_finding, objects osint and finding_info.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.taxii import marking, patterns, times

VERSION = "1.8.0"
_CLASS, _CATEGORY = 2004, 2
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_NEW, _IN_PROGRESS, _ARCHIVED = (1, "New"), (2, "In Progress"), (5, "Archived")
_MEDIUM, _MEDIUM_CONFIDENCE, _HIGH_CONFIDENCE = (3, "Medium"), (2, "Medium"), (3, "High")
_BEHAVIOURAL = (2, "Behavioral")
_SUBNET, _OTHER = (12, "Subnet"), (99, "Other")
_OSINT_IP = (1, "IP Address")
_CONFIRMED = "Accounts that together harvest a model's answers, confirmed by a person's ruling"
_OPEN = "Accounts that may together harvest a model's answers; no person has ruled on it"
# `detection_pattern_type_id` of OCSF 1.8.0
_STIX, _SIGMA = (1, "STIX"), (3, "SIGMA")


def finding(bundle: Mapping[str, Any], stillwatch_version: str) -> bytes:
    """
    The finding of a bundle, as one line of JSON without its newline.

    Args:
        bundle: As `bundle.build` or `bundle.withdraw` made it.
        stillwatch_version: Stands in `metadata.product`.

    Raises:
        SharingError: it has no report, or is no bundle of ours.
    """
    try:
        return orjson.dumps(_finding(bundle, stillwatch_version))
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise SharingError(
            "a finding is made of a bundle with one report or open case, as stillwatch share export makes it"
        ) from error


def _finding(bundle: Mapping[str, Any], stillwatch_version: str) -> dict[str, Any]:
    objects = bundle["objects"]
    (report,) = [one for one in objects if one["type"] in ("report", "grouping")]
    is_open = report["type"] == "grouping"
    sure = _MEDIUM_CONFIDENCE if is_open else _HIGH_CONFIDENCE
    campaign = next((one for one in objects if one["type"] == "campaign"), report)
    closed = report.get("revoked") is True
    again = report["modified"] > report["created"] and not is_open  # a case is made as of its first exchange
    activity = _CLOSE if closed else _UPDATE if again else _CREATE
    status = _ARCHIVED if closed else _IN_PROGRESS if is_open else _NEW
    indicators = [one for one in objects if one["type"] == "indicator"]
    networks = [value for one in indicators for value in _networks(one)]
    info = {
        "uid": report["id"],
        "title": f"{'Open case' if is_open else 'Distillation campaign'} {report['name']}",
        "created_time": _ms(report["created"]),
        "modified_time": _ms(report["modified"]),
        "types": ["Model distillation"],
        "analytic": {
            "name": "Stillwatch",
            "type_id": _BEHAVIOURAL[0],
            "type": _BEHAVIOURAL[1],
            "version": stillwatch_version,
        },
        "attacks": [_attack(number, name) for number, name in catalogue.TECHNIQUES],
    }
    if "first_seen" in campaign:
        info["first_seen_time"] = _ms(campaign["first_seen"])
    made = {
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": _CLASS * 100 + activity[0],
        "type_name": f"Detection Finding: {activity[1]}",
        "time": _ms(report["modified"]),
        "severity_id": _MEDIUM[0],
        "severity": _MEDIUM[1],
        "status_id": status[0],
        "status": status[1],
        "confidence_id": sure[0],
        "confidence": sure[1],
        "confidence_score": campaign.get("confidence", 75),
        "is_alert": not closed,
        "message": _OPEN if is_open else _CONFIRMED,
        "metadata": {
            "version": VERSION,
            "profiles": ["osint"],
            "uid": f"{report['id']}@{report['modified']}",
            "product": {"name": "Stillwatch", "vendor_name": "Stillwatch", "version": stillwatch_version},
        },
        "finding_info": info,
        "osint": [_osint(one, sure) for one in indicators],
    }
    if networks:
        made["observables"] = [
            {"name": "osint.value", "type_id": _SUBNET[0], "type": _SUBNET[1], "value": value} for value in networks
        ]
    return made


def _osint(thing: Mapping[str, Any], sure: tuple[int, str]) -> dict[str, Any]:
    """An indicator; what a reader without Stillwatch cannot match is of type Other, with its pattern beside it."""
    networks = _networks(thing)
    kind = _OSINT_IP if networks else _OTHER
    language = _SIGMA if thing["pattern_type"] == "sigma" else _STIX
    tlp = marking.level("indicator", thing["object_marking_refs"])
    return {
        "uid": thing["id"],
        "name": thing["name"],
        "type_id": kind[0],
        "type": kind[1],
        "value": networks[0] if networks else thing["id"],
        "detection_pattern": thing["pattern"],
        "detection_pattern_type_id": language[0],
        "detection_pattern_type": language[1],
        "created_time": _ms(thing["created"]),
        "modified_time": _ms(thing["modified"]),
        "expiration_time": _ms(thing["modified" if thing.get("revoked") is True else "valid_until"]),
        "confidence_id": sure[0],
        "confidence": sure[1],
        "tlp": marking.NAMES[tlp].upper().replace("+", " "),
        "vendor_name": "Stillwatch",
        "labels": thing["labels"],
    }


def _networks(thing: Mapping[str, Any]) -> tuple[str, ...]:
    if thing["pattern_type"] != "stix":
        return ()
    (comparison,) = patterns.comparisons(thing["pattern"])
    return comparison.values if comparison.path in ("ipv4-addr:value", "ipv6-addr:value") else ()


def _attack(number: str, name: str) -> dict[str, Any]:
    """A technique of MITRE ATLAS, which OCSF names through the objects of ATT&CK."""
    kind = "sub_technique" if number.count(".") == 2 else "technique"
    told = {"uid": number, "name": name, "src_url": f"https://atlas.mitre.org/techniques/{number}"}
    return {"version": catalogue.ATLAS_VERSION, kind: told}


def _ms(text: str) -> int:
    return times.parse(text) // 1_000
