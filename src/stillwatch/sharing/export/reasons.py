"""
Why each byte of a bundle may leave. A property without a reason here does not leave: the list is the permission.

The preview shows a person what this module says, and the same check runs on every export, so that what was shown is what
is sent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from stillwatch.errors import SharingError
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import sketch
from stillwatch.sharing.sigma import rule as sigma
from stillwatch.sharing.sigma.rule import RuleError


@dataclass(frozen=True, slots=True)
class Reason:
    """One value that leaves: where it stands, the value as JSON, why it may."""

    object_id: str
    path: str
    value: str
    why: str


_ID = r"[a-z-]+--[0-9a-f-]{36}"
_DAY = r"\d{4}-\d\d-\d\dT00:00:00\.000Z"
_CONSTANT = "constant in every bundle of every member"
# path, form of its value, why it may leave
_ALLOWED: tuple[tuple[str, str, str], ...] = (
    ("type", "[a-z-]+", "STIX type"),
    ("spec_version", r"2\.1", "version of STIX"),
    ("id", _ID, "salted with the member's own key: tells nothing to whoever guesses the content"),
    ("created_by_ref", _ID, "pseudonym that the exchange gave for this collection"),
    (
        "created",
        _DAY,
        "day of the ruling; of an open case that of its first exchange; of opinions, sightings and the pseudonym a constant",
    ),
    ("modified", _DAY, "day of publication"),
    ("modified", r"\d{4}-\d\d-\d\dT00:00:00\.001Z", "day of withdrawal"),
    ("revoked", "true", "withdrawn"),
    ("published", _DAY, "day of publication"),
    ("valid_from", _DAY, "day of publication"),
    ("valid_until", _DAY, "day on which it must be forgotten"),
    ("first_seen", _DAY, "day of the campaign's first exchange, without the hour"),
    ("last_seen", _DAY, "day of the last hit of a sighting, without the hour"),
    ("sighting_of_ref", _ID, "the peer's indicator that was seen"),
    ("count", r"\d+", "a power of two that the hits reach, not their number"),
    ("object_marking_refs", _ID, "TLP marking and terms"),
    ("object_refs", _ID, "ids of the objects beside it, or of the peer's object that an opinion is on"),
    ("opinion", "strongly-disagree|disagree|neutral|agree|strongly-agree", "one of the five words of STIX, no text"),
    ("context", "suspicious-activity", _CONSTANT),
    ("source_ref", _ID, "id of an object beside it"),
    ("target_ref", _ID, "id of an object beside it"),
    ("relationship_type", "indicates|uses", "how two objects belong together"),
    ("name", r"DX-\d{4}-[0-9A-F]{6}", "number of the case, drawn from its salted id"),
    ("name", "Member|Prompt template sketch|Answer contract|Network of a campaign|Blinded account token", _CONSTANT),
    ("name", "Behaviour of a campaign", _CONSTANT),
    ("description", "Keyed sketch of wording that many accounts of one campaign share", _CONSTANT),
    ("description", "Keyed digest of the form of answer that many accounts of one campaign ask for", _CONSTANT),
    ("description", "Sigma rule: what many accounts of one campaign do alike", _CONSTANT),
    ("description", "Network that several accounts of one campaign use", _CONSTANT),
    ("description", "Output of the exchange's token service for an identifier of a campaign's account", _CONSTANT),
    ("identity_class", "organization", _CONSTANT),
    ("objective", "Train a model on elicited answers", _CONSTANT),
    ("report_types", "campaign", _CONSTANT),
    ("indicator_types", "malicious-activity|anomalous-activity", "a person has ruled, or the case is open"),
    ("pattern_type", "stix|sigma", _CONSTANT),
    ("pattern_version", r"2\.1|2\.1\.0", "version of STIX, or of Sigma's specification"),
    ("labels", "dx:(prompt-template|contract|network|token|behaviour)", "kind of the indicator"),
    ("confidence", "75|50", "a person has ruled, or the case is open; the same for all"),
    (
        "pattern",
        r"\[artifact:x_dx_minhash = '[A-Za-z0-9_-]{171}='\]",
        "keyed sketch of wording that at least 5 accounts and 100 requests share, slots and numbers removed",
    ),
    (
        "pattern",
        r"\[artifact:x_dx_contract = '[0-9a-f]{16}'\]",
        "keyed digest of keys, tags and scales that at least 5 core accounts and 100 requests ask for; no word of the prompt",
    ),
    (
        "pattern",
        r"\[user-account:user_id = 'dx1\.[a-z-]{1,16}\.[a-z0-9-]{1,16}\.[A-Za-z0-9_-]{27}'\]",
        "VOPRF output for a core account: nobody can compute or confirm it without the token service and its quota",
    ),
    ("pattern", r"\[ipv4-addr:value = '[0-9./]+'\]", "network of at least 5 core accounts, /24 or wider"),
    ("pattern", r"\[ipv6-addr:value = '[0-9a-f:/]+'\]", "network of at least 5 core accounts, /48 or wider"),
)
_EXTENSION: tuple[tuple[str, str, str], ...] = (
    ("extension_type", "property-extension", _CONSTANT),
    ("kind", "prompt-template", _CONSTANT),
    ("kind", "contract", _CONSTANT),
    ("kind", "token|network|behaviour", _CONSTANT),
    (
        "token_type",
        "acct-email|acct-phone|pay-par|device",
        "what kind of identifier, so that a reader tokenises the right column",
    ),
    ("epoch", "[a-z0-9-]{1,16}", "name of the epoch whose key the token service holds"),
    ("scheme", "voprf-ristretto255-sha512", "how the token was computed"),
    ("algorithm", sketch.ALGORITHM, "how the sketch was computed"),
    ("algorithm", sketch.CONTRACT_ALGORITHM, "how the contract was computed"),
    ("num_perm", str(sketch.PERMUTATIONS), "how the sketch was computed"),
    ("shingle", sketch.SHINGLE, "how the sketch was computed"),
    ("normalizer", sketch.NORMALIZER, "how the sketch was computed"),
    ("key_id", "[a-z0-9-]{1,16}", "name of the epoch whose key all members hold"),
    ("match_threshold", re.escape(str(sketch.THRESHOLD)), "from which similarity two sketches match"),
    ("support.accounts_min", r"\d+", "a power of two that the accounts reach, not their number"),
    ("support.requests_bucket", r"\d+", "power of two below the requests, not their number"),
    ("benign_hits_per_million", r"\d+(\.\d)?", "measured on the member's own benign traffic, rounded; 100 at most"),
)


def explain(bundle: dict[str, Any]) -> list[Reason]:
    """
    The reason of every value of a bundle, in its order.

    Raises:
        SharingError: a value has none; nothing may leave then.
    """
    constant = {one["id"]: one for one in catalogue.everything()}
    head = {key: value for key, value in bundle.items() if key != "objects"}
    told = [_reason(str(bundle.get("id", "bundle")), path, value) for path, value in _leaves(head, "")]
    for thing in bundle["objects"]:
        if thing == constant.get(thing["id"]):
            told.append(Reason(thing["id"], "", orjson.dumps(thing).decode(), _CONSTANT))
        else:
            told += _sigma(thing) if thing.get("pattern_type") == "sigma" else []
            told += [
                _reason(thing["id"], path, value)
                for path, value in _leaves(thing, "")
                if (path, thing.get("pattern_type")) != ("pattern", "sigma")
            ]
    return told


# what a line of a rule of ours says, why it may leave; the rule as a whole is checked first
_LINES: tuple[tuple[str, str], ...] = (
    (f" +(?:{'|'.join(sigma.SETTINGS)}): .*", "a sampling setting that at least 5 core accounts and 100 requests share"),
    (r" +gte: \d+", "the smallest of 8, 16, 32 … accounts that keeps the floor of benign hits: not the campaign's size"),
    (r"id: '[0-9a-f-]{36}'|(?:name: | +- )exchanges_[0-9a-f]{8}", "salted with the member's own key, as ids of STIX"),
    (r"date: .*", "day of the ruling, or of an open case's first exchange"),
    (r"modified: .*", "day of publication"),
    (r"description: .*", "day on which it must be forgotten"),
)


def _sigma(thing: dict[str, Any]) -> list[Reason]:
    """A reason a line, if the rule is one that we would write, to the byte."""
    try:
        own = sigma.write(sigma.read(thing["pattern"]), sigma.head(thing["pattern"])) == thing["pattern"]
    except RuleError:
        own = False
    if not own:
        raise SharingError(f"{thing['id']}: no Sigma rule that is written here, so nothing leaves. This is a fault of ours")
    lines = thing["pattern"].splitlines()
    return [Reason(thing["id"], f"pattern, line {i}", line, _why(line)) for i, line in enumerate(lines, 1)]


def _why(line: str) -> str:
    return next((why for form, why in _LINES if re.fullmatch(form, line)), "constant in every rule of its kind")


def _reason(name: str, path: str, value: Any) -> Reason:
    written = value if isinstance(value, str) else orjson.dumps(value).decode()
    start = f"extensions.{catalogue.EXTENSION}."
    allowed, place = (_EXTENSION, path.removeprefix(start)) if path.startswith(start) else (_ALLOWED, path)
    for known, form, why in allowed:
        if known == place and re.fullmatch(form, written):
            return Reason(name, path, written, why)
    raise SharingError(
        f"{name}: the property {path} has no reason to leave the house, so nothing leaves. This is a fault of ours"
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value
