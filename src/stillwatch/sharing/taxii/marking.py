"""
Traffic Light Protocol (FIRST, TLP 2.0): how far an object may travel, as a number that a query can compare.

The strictest of all markings wins, and an object without one is AMBER+STRICT: silence is not consent.
"""

from collections.abc import Sequence
from typing import Any

CLEAR, GREEN, AMBER, AMBER_STRICT, RED = range(5)
NAMES = ("clear", "green", "amber", "amber+strict", "red")
DEFAULT = AMBER_STRICT

# ids: STIX 2.1 section 7.2.1.4 (TLP 1.0) and OASIS cti-stix-common-objects (TLP 2.0)
IDS_2 = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": CLEAR,
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": GREEN,
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": AMBER,
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": AMBER_STRICT,
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": RED,
}
IDS_1 = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": CLEAR,
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": RED,
}
LEVELS = IDS_2 | IDS_1
TLP_2_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

# what only explains other objects is open unless it is marked itself
OPEN_TYPES = frozenset({"marking-definition", "extension-definition"})


def level_of(name: str) -> int:
    """
    The number of a TLP name.

    Raises:
        ValueError: there is no such level.

    >>> level_of("green")
    1
    """
    try:
        return NAMES.index(name.lower())
    except ValueError as error:
        raise ValueError(f"no such TLP level. Known: {', '.join(NAMES)}") from error


def level(kind: str, refs: Sequence[str]) -> int:
    """
    The strictest level among marking references.

    >>> NAMES[level("indicator", [])]
    'amber+strict'
    """
    known = [LEVELS[ref] for ref in refs if ref in LEVELS]
    if known:
        return max(known)
    return CLEAR if kind in OPEN_TYPES else DEFAULT


def definition(tlp: int) -> dict[str, Any]:
    """The marking-definition object of one TLP 2.0 level, as OASIS publishes it."""
    name = NAMES[tlp]
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": next(marking for marking, known in IDS_2.items() if known == tlp),
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{name.upper()}",
        "extensions": {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": name}},
    }
