"""
A ruled-on campaign as a STIX 2.1 bundle of standard objects (docs/research.md, exchange); or, before a ruling, an open case.

A report says that a person has confirmed the campaign. An open case is a grouping of what many accounts do alike, for peers to
look for too; it carries no campaign, no account and no network, because it may still turn out to be nobody's campaign.

Ids are salted: HMAC under the member's own key over what the object says, written as a UUID. So sending again is idempotent,
and an id tells nothing to whoever guesses its content. Times are whole days. Everything expires.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stillwatch.errors import SharingError
from stillwatch.records.campaign import Campaign
from stillwatch.sharing import catalogue
from stillwatch.sharing.export import reasons, sketch
from stillwatch.sharing.export.behaviours import Behaviour
from stillwatch.sharing.export.contracts import Contract
from stillwatch.sharing.export.floors import Template
from stillwatch.sharing.export.networks import Network
from stillwatch.sharing.export.publisher import Publisher
from stillwatch.sharing.export.rulings import Ruling
from stillwatch.sharing.export.tokens import Token
from stillwatch.sharing.hunt.search import Found
from stillwatch.sharing.hunt.sightings import seen
from stillwatch.sharing.sigma import rule as sigma
from stillwatch.sharing.taxii import marking

SKETCH_DAYS = 90  # one epoch; after it the key is gone
NETWORK_DAYS = 14  # addresses change hands
OBJECTIVE = "Train a model on elicited answers"


@dataclass(frozen=True, slots=True)
class Content:
    """
    What is known of a campaign and may leave.

    Args:
        ruling: The standing one; None where nobody has ruled.
        sightings: Peers' indicators that the campaign hits, with what is known of the hits of its core accounts.
    """

    campaign: Campaign
    ruling: Ruling | None
    templates: Sequence[Template]
    networks: Sequence[Network]
    epoch: str
    tokens: Sequence[Token] = ()
    contracts: Sequence[Contract] = ()
    behaviours: Sequence[Behaviour] = ()
    sightings: Mapping[str, Found] = field(default_factory=dict)


def build(content: Content, publisher: Publisher, at: datetime) -> dict[str, Any]:
    """
    The bundle; every byte of it has a reason in `reasons`, or it is not made.

    Args:
        at: Time of publication; cut to the day, so that it says nothing of anyone's hours.

    Raises:
        SharingError: the campaign is not confirmed, nothing of it may leave, or a property has no reason.
    """
    ruling = content.ruling
    if ruling is None or ruling.decision != "confirmed" or ruling.campaign_id != content.campaign.campaign_id:
        raise SharingError(
            f"campaign {content.campaign.campaign_id} is not confirmed by a ruling. Only a person's ruling lets it leave"
        )
    maker = _Maker(publisher, f"{ruling.at[:10]}T00:00:00.000Z", at.astimezone(UTC), 75)  # a person has ruled: probably true
    campaign = maker.campaign(content)
    indicators = [*maker.forms(content), *(maker.network(one) for one in content.networks)]
    indicators += [maker.token(one) for one in content.tokens]
    if not indicators:
        raise SharingError(f"nothing of campaign {content.campaign.campaign_id} may leave: every recipe misses a floor")
    links = [maker.link("indicates", one["id"], campaign["id"]) for one in indicators]
    links += [maker.link("uses", campaign["id"], one["id"]) for one in catalogue.techniques()]
    own = {one["id"] for one in indicators}
    others = {name: found for name, found in content.sightings.items() if name not in own}
    sightings = seen(others, publisher, at, content.campaign.campaign_id)
    report = maker.report(campaign, [one["id"] for one in (*indicators, *links, *sightings)])
    return _bundle(publisher, [*maker.constants(), maker.identity(), campaign, *indicators, *links, *sightings, report])


def open_case(content: Content, publisher: Publisher, at: datetime) -> dict[str, Any]:
    """
    A likely campaign that nobody has ruled on, as a grouping of its templates, contracts and behaviours.

    Its objects have ids of their own: when the case is closed they are withdrawn, and what a ruling lets leave is exported anew.

    Args:
        at: Time of publication; cut to the day.

    Raises:
        SharingError: it is ruled on, not likely, permitted, or nothing of it may leave.
    """
    campaign = content.campaign
    if content.ruling is not None:
        raise SharingError(f"campaign {campaign.campaign_id} is {content.ruling.decision}: the case is closed")
    if campaign.verdict != "likely" or campaign.entitlement is not None:
        raise SharingError(f"campaign {campaign.campaign_id} is not likely, or covered by a permission. It is no case for peers")
    maker = _Maker(publisher, _time(campaign.first_seen.astimezone(UTC)), at.astimezone(UTC), 50, "open")  # possibly true
    indicators = maker.forms(content)
    if not indicators:
        raise SharingError(f"nothing of campaign {campaign.campaign_id} may leave: every recipe misses a floor")
    grouping = maker.grouping(campaign, [one["id"] for one in indicators])
    return _bundle(publisher, [*maker.constants(), maker.identity(), *indicators, grouping])


def _bundle(publisher: Publisher, objects: list[dict[str, Any]]) -> dict[str, Any]:
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
    """
    Objects of one publisher: made on the day of the ruling, so that a later export is a later version of the same.

    Args:
        made: `created` of every object.
        sure: Confidence of STIX, 0…100.
        case: Goes into the ids of indicators, so that those of an open case are others.
    """

    def __init__(self, publisher: Publisher, made: str, at: datetime, sure: int, case: str = "") -> None:
        self._publisher = publisher
        self._made = made
        self._day = max(at, datetime.strptime(f"{made[:10]}Z", "%Y-%m-%d%z"))
        self._sure = sure
        self._case = (case,) if case else ()

    def constants(self) -> list[dict[str, Any]]:
        """What the others refer to."""
        tlp = marking.definition(self._publisher.tlp)
        wanted = [catalogue.project(), catalogue.extension(), marking.definition(marking.CLEAR), tlp, catalogue.terms()]
        unique = {one["id"]: one for one in (*wanted, *catalogue.techniques(), *catalogue.mitigations())}
        return list(unique.values())

    def identity(self) -> dict[str, Any]:
        """The pseudonym; the same bytes in every bundle of the member, whatever the day."""
        made = self._object("identity", self._publisher.identity, {"name": "Member", "identity_class": "organization"})
        del made["created_by_ref"]
        return made | {"created": catalogue.MADE, "modified": catalogue.MADE}

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
                "confidence": self._sure,
            },
        )

    def forms(self, content: Content) -> list[dict[str, Any]]:
        """Indicators of what accounts do alike: templates, contracts, behaviours."""
        made = [self.template(one, content.epoch) for one in content.templates]
        made += [self.contract(one, content.epoch) for one in content.contracts]
        return made + [self.behaviour(one) for one in content.behaviours]

    def template(self, one: Template, epoch: str) -> dict[str, Any]:
        """A sketch, in the pattern, with all that is needed to compute one like it."""
        written = sketch.write(one.sketched)
        extension = {
            "algorithm": sketch.ALGORITHM,
            "num_perm": sketch.PERMUTATIONS,
            "shingle": sketch.SHINGLE,
            "normalizer": sketch.NORMALIZER,
            "key_id": epoch,
            "match_threshold": sketch.THRESHOLD,
        }
        told = {
            "name": "Prompt template sketch",
            "description": "Keyed sketch of wording that many accounts of one campaign share",
            "pattern": f"[artifact:x_dx_minhash = '{written}']",
            "labels": ["dx:prompt-template"],
            "extensions": _extension("prompt-template", extension | _support(one)),
        }
        return self._indicator(told, SKETCH_DAYS)

    def contract(self, one: Contract, epoch: str) -> dict[str, Any]:
        """A contract's digest, which only holders of the epoch's key can make."""
        told = {
            "name": "Answer contract",
            "description": "Keyed digest of the form of answer that many accounts of one campaign ask for",
            "pattern": f"[artifact:x_dx_contract = '{one.written}']",
            "labels": ["dx:contract"],
            "extensions": _extension("contract", {"algorithm": sketch.CONTRACT_ALGORITHM, "key_id": epoch} | _support(one)),
        }
        return self._indicator(told, SKETCH_DAYS)

    def behaviour(self, one: Behaviour) -> dict[str, Any]:
        """A Sigma rule: settings and a crowd, no value on which accounts meet."""
        says = (one.rule.says, *self._case)
        base, counting = (self._publisher.id_of(kind, *says).partition("--")[2] for kind in ("sigma-base", "sigma"))
        until = self._day + timedelta(days=SKETCH_DAYS)
        made = datetime.strptime(self._made[:10], "%Y-%m-%d").date()
        told = {
            "name": "Behaviour of a campaign",
            "description": "Sigma rule: what many accounts of one campaign do alike",
            "pattern_type": "sigma",
            "pattern_version": sigma.VERSION,
            "pattern": sigma.write(one.rule, sigma.Head(base, counting, made, self._day.date(), until.date())),
            "labels": ["dx:behaviour"],
            "extensions": _extension("behaviour", _support(one)),
        }
        return self._indicator(told, SKETCH_DAYS, one.rule.says)

    def network(self, one: Network) -> dict[str, Any]:
        """A network in clear: hashing four billion addresses hides nothing."""
        kind = "ipv6-addr" if ":" in one.prefix else "ipv4-addr"
        return self._indicator(
            {
                "name": "Network of a campaign",
                "description": "Network that several accounts of one campaign use",
                "pattern": f"[{kind}:value = '{one.prefix}']",
                "labels": ["dx:network"],
                "extensions": _extension(
                    "network",
                    {
                        "support": {"accounts_min": one.accounts_min},
                        "benign_hits_per_million": one.benign_hits_per_million,
                    },
                ),
            },
            NETWORK_DAYS,
        )

    def token(self, one: Token) -> dict[str, Any]:
        """A token of an account's identifier, which only the token service can make again."""
        _, kind, epoch, _ = one.written.split(".")
        extension = {
            "token_type": kind,
            "epoch": epoch,
            "scheme": "voprf-ristretto255-sha512",
            "benign_hits_per_million": one.benign_hits_per_million,
        }
        told = {
            "name": "Blinded account token",
            "description": "Output of the exchange's token service for an identifier of a campaign's account",
            "pattern": f"[user-account:user_id = '{one.written}']",
            "labels": ["dx:token"],
            "extensions": _extension("token", extension),
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

    def grouping(self, campaign: Campaign, refs: list[str]) -> dict[str, Any]:
        """What an open case holds."""
        name = self._publisher.id_of("grouping", campaign.campaign_id)
        told = {
            "name": f"DX-{self._day.year}-{name[-6:].upper()}",
            "context": "suspicious-activity",
            "confidence": self._sure,
            "object_refs": [*refs, *(one["id"] for one in (*catalogue.techniques(), *catalogue.mitigations()))],
        }
        return self._object("grouping", name, told)

    def _indicator(self, told: dict[str, Any], days: int, says: str | None = None) -> dict[str, Any]:
        """An indicator; its id is made of its pattern, or of `says` where the pattern holds days."""
        name = self._publisher.id_of("indicator", says or told["pattern"], *self._case)
        common = {
            "indicator_types": ["anomalous-activity" if self._case else "malicious-activity"],
            "pattern_type": "stix",
            "pattern_version": "2.1",
            "valid_from": _time(self._day),
            "valid_until": _time(self._day + timedelta(days=days)),
            "confidence": self._sure,
        }
        return self._object("indicator", name, common | told)

    def _object(self, kind: str, name: str, told: dict[str, Any]) -> dict[str, Any]:
        head = {"type": kind, "spec_version": "2.1", "id": name, "created_by_ref": self._publisher.identity}
        marks = [marking.definition(self._publisher.tlp)["id"], catalogue.TERMS]
        return head | {"created": self._made, "modified": _time(self._day)} | told | {"object_marking_refs": marks}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT00:00:00.000Z")


def _extension(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    return {catalogue.EXTENSION: {"extension_type": "property-extension", "kind": kind} | told}


def _support(one: Template | Contract | Behaviour) -> dict[str, Any]:
    """How many accounts and requests it stands on, rounded, and how often it hits a bystander."""
    support = {"accounts_min": one.accounts_min, "requests_bucket": one.requests_bucket}
    return {"support": support, "benign_hits_per_million": one.benign_hits_per_million}
