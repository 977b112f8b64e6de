"""
Objects that every bundle refers to and that are the same everywhere: what our extension means, the terms, TLP, MITRE ATLAS.

They are constant to the byte, so that an exchange which holds them already takes them as known, whoever sends them. Ids are
UUIDv5 of a fixed namespace: nothing in them is a member's, so nothing needs a salt.
"""

import uuid
from typing import Any

from stillwatch.sharing.taxii import marking

_NAMESPACE = uuid.UUID("6f1f0a4e-5d2b-5c0a-9a55-1d4f0c7b3e21")
MADE = "2026-11-24T00:00:00.000Z"  # the day of the format
EXTENSION = "extension-definition--8f6999f4-293c-5776-ba46-3c47d9e2acfd"
TERMS = "marking-definition--b64bbdc1-a0f1-5d8d-a141-aed2ff87141a"
TERMS_TEXT = (
    "Security use only. No prices, volumes, customer names or capacity. "
    "Any action is the recipient's own decision. Delete 90 days after valid_until."
)

ATLAS_VERSION = "5.6"
# MITRE ATLAS of that version: id, name (docs/research.md, exchange)
TECHNIQUES = (
    ("AML.T0024.002", "Extract AI Model"),
    ("AML.T0040", "AI Model Inference API Access"),
    ("AML.T0021", "Establish Accounts"),
    ("AML.T0005.001", "Train Proxy via Replication"),
    ("AML.T0048.004", "AI Intellectual Property Theft"),
)
MITIGATIONS = (
    ("AML.M0004", "Restrict Number of AI Model Queries"),
    ("AML.M0002", "Passive AI Output Obfuscation"),
    ("AML.M0019", "Control Access to AI Models and Data in Production"),
    ("AML.M0024", "AI Telemetry Logging"),
)


def stix_id(kind: str, name: str) -> str:
    """
    The id of a constant object.

    >>> stix_id("attack-pattern", "AML.T0040") == stix_id("attack-pattern", "AML.T0040")
    True
    """
    return f"{kind}--{uuid.uuid5(_NAMESPACE, f'{kind} {name}')}"


PROJECT = stix_id("identity", "stillwatch")
PLAYBOOK = stix_id("extension-definition", "dx-playbook")


def project() -> dict[str, Any]:
    """Who defines the extension: the software, not an organisation."""
    return _object("identity", PROJECT, name="Stillwatch", identity_class="system")


def extension() -> dict[str, Any]:
    """What `extensions` of our indicators hold; a reader that does not know it loses refinement only."""
    return _object(
        "extension-definition",
        EXTENSION,
        created_by_ref=PROJECT,
        name="dx-indicator",
        description="How to compute the value in the pattern: algorithm, key, threshold, support, measured benign hits.",
        schema="docs/reference/exchange.md",
        version="1.0.0",
        extension_types=["property-extension"],
    )


def playbook_extension() -> dict[str, Any]:
    """What `extensions` of our courses of action hold."""
    return _object(
        "extension-definition",
        PLAYBOOK,
        created_by_ref=PROJECT,
        name="dx-playbook",
        description="A graduated response: trigger, bound, approval, expiry, appeal, steps.",
        schema="docs/reference/playbooks.md",
        version="1.0.0",
        extension_types=["property-extension"],
    )


def terms() -> dict[str, Any]:
    """The statement marking that every object of a member carries."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TERMS,
        "created": MADE,
        "created_by_ref": PROJECT,
        "definition_type": "statement",
        "definition": {"statement": TERMS_TEXT},
    }


def techniques() -> list[dict[str, Any]]:
    """The attack patterns of ATLAS that a distillation campaign uses."""
    return [_atlas("attack-pattern", number, name, "techniques") for number, name in TECHNIQUES]


def mitigations() -> list[dict[str, Any]]:
    """The mitigations of ATLAS that help: advice, never a demand to block anyone."""
    return [_atlas("course-of-action", number, name, "mitigations") for number, name in MITIGATIONS]


def everything() -> list[dict[str, Any]]:
    """All constant objects, in an order in which each follows what it refers to."""
    tlp = [marking.definition(level) for level in range(marking.RED)]
    return [project(), extension(), playbook_extension(), terms(), *tlp, *techniques(), *mitigations()]


def _atlas(kind: str, number: str, name: str, route: str) -> dict[str, Any]:
    reference = {"source_name": "mitre-atlas", "external_id": number, "url": f"https://atlas.mitre.org/{route}/{number}"}
    return _object(kind, stix_id(kind, number), name=name, external_references=[reference])


def _object(kind: str, identifier: str, **rest: Any) -> dict[str, Any]:
    clear = marking.definition(marking.CLEAR)["id"]
    head = {"type": kind, "spec_version": "2.1", "id": identifier, "created": MADE, "modified": MADE}
    return head | rest | ({} if kind == "extension-definition" else {"object_marking_refs": [clear]})
