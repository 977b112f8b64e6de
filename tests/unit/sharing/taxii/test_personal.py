"""Personal data and secrets are found where they stand, and nothing of ours is mistaken for them."""

import base64
import random

import orjson
import pytest

from stillwatch.sharing.taxii import personal, times


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jane.doe@example.org", "an e-mail address"),
        ("x <Jane@Sub.Example.CO.UK>", "an e-mail address"),
        ("+1 (212) 555-0100", "a telephone number"),
        ("0049 30 901820", "a telephone number"),
        ("5500-0000-0000-0004", "a payment card number"),
        ("378282246310005", "a payment card number"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a secret key"),
        ("AKIAIOSFODNN7EXAMPLE", "a secret key"),
        ("ghp_" + "a1" * 20, "a secret key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x", "a secret key"),
        ("swx_0a1b2c3d_" + "x" * 43, "a secret key"),
    ],
)
def test_each_kind_is_found(text: str, kind: str) -> None:
    """Alone, and inside an object by the cheap pass too."""
    thing = {"type": "note", "x": [{"deep": f"see {text}"}]}

    assert personal.kind_in(text) == kind
    assert personal.find(thing, orjson.dumps(thing)) == ("x.deep", kind)


@pytest.mark.parametrize(
    "text", ["TLP:AMBER+STRICT", "1.2.3.4", "203.0.113.0/24", "AS64500", "2026-11-24T03:00:00.000000Z", "@home"]
)
def test_what_stands_in_every_bundle_is_nothing(text: str) -> None:
    """Markings, addresses and times are no one's data."""
    assert personal.kind_in(text) is None


def test_ids_hashes_and_sketches_are_not_mistaken() -> None:
    """Not one of twenty thousand random ids, hashes, sketches and times, half of them heavy with digits."""
    rng = random.Random(7)
    mistaken = []
    for i in range(20_000):
        digits = "".join(rng.choices("0123456789" if i % 2 else "0123456789abcdef", k=64))
        thing = {
            "id": f"indicator--{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-{digits[18:30]}",
            "refs": [f"identity--{digits[30:38]}-0{digits[38:41]}-4{digits[41:44]}-8{digits[44:47]}-00{digits[47:57]}"],
            "hash": rng.randbytes(32).hex(),
            "sketch": base64.urlsafe_b64encode(rng.randbytes(96)).decode(),
            "at": times.write(rng.randrange(2 * 10**15)),
        }
        found = personal.find(thing, orjson.dumps(thing))
        mistaken += [(found, thing)] if found else []

    assert mistaken == []
