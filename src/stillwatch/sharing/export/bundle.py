"""
A ruled-on campaign as a STIX 2.1 bundle of standard objects (docs/research.md, exchange).

Ids are salted: HMAC under the member's own key over what the object says, written as a UUID. So sending again is idempotent,
and an id tells nothing to whoever guesses its content. Times are whole days. Everything expires.
"""

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from stillwatch.errors import SharingError
from stillwatch.privacy import Key
from stillwatch.records.campaign import Campaign
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import reasons, sketch
from stillwatch.sharing.export.contracts import Contract
from stillwatch.sharing.export.floors import Template
from stillwatch.sharing.export.networks import Network
from stillwatch.sharing.export.rulings import Ruling
from stillwatch.sharing.taxii import marking

SKETCH_DAYS = 90  # one epoch; after it the key is gone
NETWORK_DAYS = 14  # addresses change hands
OBJECTIVE = "Train a model on elicited answers"


@dataclass(frozen=True, slots=True)
class Publisher:
    """
    Who publishes, as the exchange knows them.

    Args:
        identity: The identity that the exchange gave the member for the collection (`x_stillwatch_producer`).
        key: The member's own key; salts every id and never leaves.
        tlp: Marking of what is published.
    """

    identity: str
    key: Key
    tlp: int = marking.AMBER_STRICT

    def __post_init__(self) -> None:
        if self.tlp >= marking.RED:
            raise ValueError("TLP:RED goes to named persons, never into a bundle")

    def id_of(self, kind: str, *says: object) -> str:
        """The salted id of an object that says this."""
        told = orjson.dumps([self.identity, kind, [str(one) for one in says]])
        digest = hmac.new(self.key.secret, b"stillwatch share id" + told, hashlib.sha256).digest()
        return f"{kind}--{uuid.UUID(bytes=digest[:16], version=4)}"


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of a campaign and may leave."""

    campaign: Campaign
    ruling: Ruling
    templates: Sequence[Template]
    networks: Sequence[Network]
    epoch: str
    tokens: Sequence[str] = ()
    contracts: Sequence[Contract] = ()


def build(content: Content, publisher: Publisher, at: datetime) -> dict[str, Any]:
    """
    The bundle; every byte of it has a reason in `reasons`, or it is not made.

    Args:
        at: Time of publication; cut to the day, so that it says nothing of anyone's hours.

    Raises:
        SharingError: the campaign is not confirmed, nothing of it may leave, or a property has no reason.
    """
    if content.ruling.decision != "confirmed" or content.ruling.campaign_id != content.campaign.campaign_id:
        raise SharingError(
            f"campaign {content.campaign.campaign_id} is not confirmed by a ruling. Only a person's ruling lets it leave"
        )
    if not (content.templates or content.networks or content.tokens or content.contracts):
        raise SharingError(f"nothing of campaign {content.campaign.campaign_id} may leave: every recipe misses a floor")
    maker = _Maker(publisher, content.ruling.at[:10], at.astimezone(UTC))
    campaign = maker.campaign(content)
    indicators = [maker.template(one, content.epoch) for one in content.templates]
    indicators += [maker.contract(one, content.epoch) for one in content.contracts]
    indicators += [maker.network(one) for one in content.networks]
    indicators += [maker.token(one) for one in content.tokens]
    links = [maker.link("indicates", one["id"], campaign["id"]) for one in indicators]
    links += [maker.link("uses", campaign["id"], one["id"]) for one in catalogue.techniques()]
    report = maker.report(campaign, [one["id"] for one in (*indicators, *links)])
    objects = [*maker.constants(), maker.identity(), campaign, *indicators, *links, report]
    bundle = {"type": "bundle", "id": publisher.id_of("bundle", *(one["id"] for one in objects)), "objects": objects}
    reasons.explain(bundle)
    return bundle


def withdraw(bundle: dict[str, Any], at: datetime) -> dict[str, Any]:
    """
    New versions of a member's objects that say `revoked`; constant objects are left out.

    Raises:
        SharingError: it is no bundle of ours.
    """
    constant = {one["id"] for one in catalogue.everything()}
    moment = f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00.001Z"  # after every version of that day
    try:
        own = [one | {"modified": moment, "revoked": True} for one in bundle["objects"] if one["id"] not in constant]
        own = [one for one in own if one["type"] != "identity"]
        late = any(one["created"] > moment for one in own)
    except (KeyError, TypeError) as error:
        raise SharingError("this is no bundle that was exported here") from error
    if not own or late:
        raise SharingError("the bundle holds nothing that could be withdrawn on this day")
    withdrawn = {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": own}
    reasons.explain(withdrawn)
    return withdrawn


class _Maker:
    """Objects of one publisher: made on the day of the ruling, so that a later export is a later version of the same."""

    def __init__(self, publisher: Publisher, ruled_on: str, at: datetime) -> None:
        self._publisher = publisher
        self._made = f"{ruled_on}T00:00:00.000Z"
        self._day = max(at, datetime.strptime(f"{ruled_on}Z", "%Y-%m-%d%z"))

    def constants(self) -> list[dict[str, Any]]:
        """What the others refer to."""
        tlp = marking.definition(self._publisher.tlp)
        wanted = [catalogue.project(), catalogue.extension(), marking.definition(marking.CLEAR), tlp, catalogue.terms()]
        unique = {one["id"]: one for one in (*wanted, *catalogue.techniques(), *catalogue.mitigations())}
        return list(unique.values())

    def identity(self) -> dict[str, Any]:
        """The pseudonym."""
        made = self._object("identity", self._publisher.identity, {"name": "Member", "identity_class": "organization"})
        del made["created_by_ref"]
        return made

    def campaign(self, content: Content) -> dict[str, Any]:
        """That there is one, since when, and how sure the member is."""
        name = self._publisher.id_of("campaign", content.campaign.campaign_id)
        return self._object(
            "campaign",
            name,
            {
                "name": f"DX-{self._day.year}-{name[-6:].upper()}",
                "objective": OBJECTIVE,
                "first_seen": _time(content.campaign.first_seen.astimezone(UTC)),
                "confidence": 75,  # STIX 2.1 appendix A, "probably true": a person has ruled
            },
        )

    def template(self, one: Template, epoch: str) -> dict[str, Any]:
        """A sketch, in the pattern, with all that is needed to compute one like it."""
        written = sketch.write(one.sketched)
        extension = {
            "extension_type": "property-extension",
            "kind": "prompt-template",
            "algorithm": sketch.ALGORITHM,
            "num_perm": sketch.PERMUTATIONS,
            "shingle": sketch.SHINGLE,
            "normalizer": sketch.NORMALIZER,
            "key_id": epoch,
            "match_threshold": sketch.THRESHOLD,
            "support": {"accounts_min": one.accounts_min, "requests_bucket": one.requests_bucket},
            "benign_hits_per_million": one.benign_hits_per_million,
        }
        told = {
            "name": "Prompt template sketch",
            "description": "Keyed sketch of wording that many accounts of one campaign share",
            "pattern": f"[artifact:x_dx_minhash = '{written}']",
            "labels": ["dx:prompt-template"],
            "extensions": {catalogue.EXTENSION: extension},
        }
        return self._indicator(told, SKETCH_DAYS)

    def contract(self, one: Contract, epoch: str) -> dict[str, Any]:
        """A contract's digest, which only holders of the epoch's key can make."""
        extension = {
            "extension_type": "property-extension",
            "kind": "contract",
            "algorithm": sketch.CONTRACT_ALGORITHM,
            "key_id": epoch,
            "support": {"accounts_min": one.accounts_min, "requests_bucket": one.requests_bucket},
            "benign_hits_per_million": one.benign_hits_per_million,
        }
        told = {
            "name": "Answer contract",
            "description": "Keyed digest of the form of answer that many accounts of one campaign ask for",
            "pattern": f"[artifact:x_dx_contract = '{one.written}']",
            "labels": ["dx:contract"],
            "extensions": {catalogue.EXTENSION: extension},
        }
        return self._indicator(told, SKETCH_DAYS)

    def network(self, one: Network) -> dict[str, Any]:
        """A network in clear: hashing four billion addresses hides nothing."""
        kind = "ipv6-addr" if ":" in one.prefix else "ipv4-addr"
        return self._indicator(
            {
                "name": "Network of a campaign",
                "description": "Network that several accounts of one campaign use",
                "pattern": f"[{kind}:value = '{one.prefix}']",
                "labels": ["dx:network"],
            },
            NETWORK_DAYS,
        )

    def token(self, one: str) -> dict[str, Any]:
        """A token of an account's identifier, which only the token service can make again."""
        _, kind, epoch, _ = one.split(".")
        extension = {
            "extension_type": "property-extension",
            "kind": "token",
            "token_type": kind,
            "epoch": epoch,
            "scheme": "voprf-ristretto255-sha512",
        }
        told = {
            "name": "Blinded account token",
            "description": "Output of the exchange's token service for an identifier of a campaign's account",
            "pattern": f"[user-account:user_id = '{one}']",
            "labels": ["dx:token"],
            "extensions": {catalogue.EXTENSION: extension},
        }
        return self._indicator(told, SKETCH_DAYS)

    def link(self, kind: str, source: str, target: str) -> dict[str, Any]:
        """A relationship."""
        told = {"relationship_type": kind, "source_ref": source, "target_ref": target}
        return self._object("relationship", self._publisher.id_of("relationship", kind, source, target), told)

    def report(self, campaign: dict[str, Any], refs: list[str]) -> dict[str, Any]:
        """What belongs together."""
        told = {
            "name": campaign["name"],
            "report_types": ["campaign"],
            "published": _time(self._day),
            "object_refs": [campaign["id"], *refs, *(one["id"] for one in catalogue.mitigations())],
        }
        return self._object("report", self._publisher.id_of("report", campaign["id"]), told)

    def _indicator(self, told: dict[str, Any], days: int) -> dict[str, Any]:
        name = self._publisher.id_of("indicator", told["pattern"])
        common = {
            "indicator_types": ["malicious-activity"],
            "pattern_type": "stix",
            "pattern_version": "2.1",
            "valid_from": _time(self._day),
            "valid_until": _time(self._day + timedelta(days=days)),
            "confidence": 75,
        }
        return self._object("indicator", name, told | common)

    def _object(self, kind: str, name: str, told: dict[str, Any]) -> dict[str, Any]:
        head = {"type": kind, "spec_version": "2.1", "id": name, "created_by_ref": self._publisher.identity}
        marks = [marking.definition(self._publisher.tlp)["id"], catalogue.TERMS]
        return head | {"created": self._made, "modified": _time(self._day)} | told | {"object_marking_refs": marks}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT00:00:00.000Z")
