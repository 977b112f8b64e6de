"""
A member's side: identifiers in, tokens out; the service sees neither, and must prove that it used its published key.

A member tokenises *all* its new sign-ups and compares at home with what peers published, so that nobody learns which of them
matched.
"""

import base64
import json
import re
import ssl
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.errors import SharingError
from stillwatch.sharing.taxii import personal
from stillwatch.sharing.taxii.remote import Remote
from stillwatch.sharing.tokens.group import Group
from stillwatch.sharing.tokens.voprf import MAX_BATCH, Blinded, Evaluation, ProofError, Voprf

TOKEN_BYTES = 20  # of the 64 that the VOPRF gives: 160 bits, no two identifiers collide
KINDS = ("acct-email", "acct-phone", "pay-par", "device")
_TIMEOUT_S = 120


def normalise(kind: str, value: str) -> str:
    """
    The one spelling of an identifier that all members tokenise.

    E-mail: lower case, no tag after `+`, no dots before @ at Gmail. Telephone: E.164 digits. Payment account reference: the
    EMVCo PAR in capitals, never a card number.

    Raises:
        ValueError: no such kind, or a value that is none of it; the value is not quoted.

    >>> normalise("acct-email", " Jane.Doe+x@Gmail.com ")
    'janedoe@gmail.com'
    """
    text = unicodedata.normalize("NFKC", value).strip()
    if kind == "acct-email":
        name, at, domain = text.lower().rpartition("@")
        name = name.partition("+")[0]
        if domain in ("gmail.com", "googlemail.com"):
            name, domain = name.replace(".", ""), "gmail.com"
        if not (name and at and "." in domain):
            raise ValueError("an acct-email is no e-mail address")
        return f"{name}@{domain}"
    if kind == "acct-phone":
        digits = re.sub(r"[^\d]", "", text.removeprefix("+").removeprefix("00"))
        if not 7 <= len(digits) <= 15:
            raise ValueError("an acct-phone is no telephone number with its country code")
        return digits
    if kind == "pay-par":
        if personal.kind_in(text) == "a payment card number":
            raise ValueError("a pay-par is a card number. Card numbers are never tokenised: use the EMVCo PAR")
        if re.fullmatch(r"[A-Za-z0-9]{29}", text) is None:
            raise ValueError("a pay-par is no EMVCo payment account reference: 29 letters and digits")
        return text.upper()
    if kind == "device":
        if not 16 <= len(text) <= 256:
            raise ValueError("a device is no identifier of 16 to 256 characters")
        return text
    raise ValueError(f"there is no kind of identifier like this. Known: {', '.join(KINDS)}")


def spell(kind: str, epoch: str, output: bytes) -> str:
    """A token as it stands in a pattern."""
    return f"dx1.{kind}.{epoch}.{base64.urlsafe_b64encode(output[:TOKEN_BYTES]).rstrip(b'=').decode()}"


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """
    A token service and an epoch of it.

    Args:
        remote: Address of the service, `https://…/tokens/`, and the member's key.
        epoch: Name of the epoch.
        public_key: The epoch's public key, as the exchange publishes it; never taken from the service itself.
        group: Backend.
    """

    remote: Remote
    epoch: str
    public_key: bytes
    group: Group

    def tokens(self, identifiers: Sequence[tuple[str, str]]) -> list[str]:
        """
        The tokens of identifiers (kind, value), in their order.

        Raises:
            ValueError: an identifier is malformed.
            SharingError: the service cannot be reached, refuses, or did not use the published key.
        """
        voprf = Voprf(self.group)
        spelled = [(kind, normalise(kind, value)) for kind, value in identifiers]
        out: list[str] = []
        for start in range(0, len(spelled), MAX_BATCH):
            part = spelled[start : start + MAX_BATCH]
            batch = [voprf.blind(f"dx1|{kind}|{value}".encode()) for kind, value in part]
            try:
                outputs = voprf.finalize(self.public_key, batch, self._ask(batch))
            except ProofError as error:
                raise SharingError(f"{self.remote.url}: {error}. Do not use its tokens; tell the exchange's operator") from error
            out += [spell(kind, self.epoch, output) for (kind, _), output in zip(part, outputs, strict=True)]
        return out

    def _ask(self, batch: Sequence[Blinded]) -> Evaluation:
        body = json.dumps({"blinded": [base64.urlsafe_b64encode(one.element).decode() for one in batch]}).encode()
        token = base64.b64encode(f"{self.remote.member}:{self.remote.key}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.remote.url.rstrip('/')}/{self.epoch}/", body, headers)  # noqa: S310 (checked by Remote)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=ssl.create_default_context()) as answer:  # noqa: S310
                told = json.load(answer)
            elements = tuple(base64.b64decode(one, altchars=b"-_", validate=True) for one in told["evaluated"])
            return Evaluation(elements, base64.b64decode(told["proof"], altchars=b"-_", validate=True))
        except urllib.error.HTTPError as error:
            raise SharingError(
                f"{self.remote.url}: the token service answered {error.code}. Check member, key, epoch and quota"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SharingError(f"{self.remote.url}: cannot be reached, or is no token service. Check the address") from error
