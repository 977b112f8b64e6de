"""RFC 9497 A.1.2 and RFC 9496, on both backends, and a third implementation that shares no line with them."""

import random
from typing import Any

import pytest
from voprf import ristretto as rust

from stillwatch.sharing.tokens.group import IDENTITY, ORDER, Group, expand, scalar_bytes, scalar_from
from stillwatch.sharing.tokens.libsodium import Libsodium
from stillwatch.sharing.tokens.plain import Plain
from stillwatch.sharing.tokens.voprf import Evaluation, ProofError, Voprf

SEED, INFO = b"\xa3" * 32, b"test key"
PRIVATE = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909"
PUBLIC = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
ONE, TWO = b"\x00", b"\x5a" * 17
BLIND = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"
OTHER = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e"
OUT_ONE = (
    "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
    "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"
)
OUT_TWO = (
    "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
    "356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"
)
BATCH_ONE = "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"
# inputs, blinds, blinded, evaluated, scalar of the proof, proof, outputs
VECTORS = (
    (
        (ONE,),
        (BLIND,),
        (BATCH_ONE,),
        ("aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",),
        OTHER,
        "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06"
        "6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
        (OUT_ONE,),
    ),
    (
        (TWO,),
        (BLIND,),
        ("cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",),
        ("60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",),
        OTHER,
        "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a"
        "67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
        (OUT_TWO,),
    ),
    (
        (ONE, TWO),
        (BLIND, OTHER),
        (BATCH_ONE, "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"),
        (
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
        ),
        "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
        "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a"
        "5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
        (OUT_ONE, OUT_TWO),
    ),
)


@pytest.fixture(params=[Libsodium, Plain], ids=["libsodium", "plain"])
def group(request: pytest.FixtureRequest) -> Group:
    """Both backends."""
    made: Group = request.param()
    return made


def test_the_key_of_the_rfc(group: Group) -> None:
    """DeriveKeyPair gives skSm and pkSm of A.1.2."""
    voprf = Voprf(group)

    private = voprf.derive_key(SEED, INFO)

    assert scalar_bytes(private).hex() == PRIVATE
    assert voprf.public_key(private).hex() == PUBLIC


@pytest.mark.parametrize("vector", VECTORS, ids=["A.1.2.1", "A.1.2.2", "A.1.2.3"])
def test_the_vectors_of_the_rfc(group: Group, vector: Any) -> None:
    """Blinded elements, evaluations, proof and outputs are those of A.1.2, byte for byte."""
    inputs, blinds, blinded, evaluated, nonce, proof, outputs = vector
    voprf = Voprf(group)
    private = scalar_from(bytes.fromhex(PRIVATE))

    batch = [voprf.blind(i, scalar_from(bytes.fromhex(b))) for i, b in zip(inputs, blinds, strict=True)]
    evaluation = voprf.evaluate(private, [one.element for one in batch], scalar_from(bytes.fromhex(nonce)))
    got = voprf.finalize(bytes.fromhex(PUBLIC), batch, evaluation)

    assert tuple(one.element.hex() for one in batch) == blinded
    assert tuple(one.hex() for one in evaluation.elements) == evaluated
    assert evaluation.proof.hex() == proof
    assert tuple(one.hex() for one in got) == outputs


def test_the_backends_agree(group: Group) -> None:
    """On random scalars, elements and uniform bytes, plain Python and libsodium give the same encodings."""
    other = Plain() if group.name == "libsodium" else Libsodium()
    rng = random.Random(11)
    for _ in range(8):
        a, b, uniform = rng.randrange(1, ORDER), rng.randrange(1, ORDER), rng.randbytes(64)

        element = group.from_uniform(uniform)

        assert element == other.from_uniform(uniform)
        assert group.times_base(a) == other.times_base(a)
        assert group.times(b, element) == other.times(b, element)
        assert group.add(element, group.times_base(a)) == other.add(element, other.times_base(a))
        assert group.add(group.times_base(a), group.times_base(b)) == group.times_base((a + b) % ORDER)


def test_small_multiples_of_the_generator(group: Group) -> None:
    """RFC 9496 appendix A.1: 0·B and 2·B."""
    assert group.times_base(0) == IDENTITY
    assert group.times_base(2).hex() == "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919"


@pytest.mark.parametrize(
    "bad",
    [
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",  # not a field element
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # not canonical
        "0100000000000000000000000000000000000000000000000000000000000000",  # negative
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",  # no square
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",  # negative xy
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # s = -1, y = 0
        "00",
    ],
)
def test_encodings_that_are_none_are_refused(group: Group, bad: str) -> None:
    """RFC 9496 appendix A.3: each kind of bad encoding, and a short one."""
    with pytest.raises(ValueError, match="canonical"):
        group.times(3, bytes.fromhex(bad))


def test_a_third_implementation_agrees(group: Group) -> None:
    """The Rust library evaluates what we blinded and we verify its proof; and the other way round."""
    voprf = Voprf(group)
    theirs = rust.Evaluator.from_seed(SEED, INFO)
    private = voprf.derive_key(SEED, INFO)
    value = b"dx1|acct-email|jane@example.org"

    ours = voprf.blind(value)
    answer = bytes(theirs.evaluate(rust.BlindedInput.deserialize(ours.element)).serialize())  # proof, then element
    (got,) = voprf.finalize(voprf.public_key(private), [ours], Evaluation((answer[64:],), answer[:64]))
    client, blinded = rust.Client.blind(value)
    evaluation = voprf.evaluate(private, [bytes(blinded.serialize())])
    output = rust.VerifiableOutput.deserialize(evaluation.proof + evaluation.elements[0])

    assert got == bytes(theirs.evaluate_known_input(value)) == voprf.evaluate_known(private, value)
    assert bytes(client.finalize(output, rust.PublicKey.deserialize(bytes.fromhex(PUBLIC)))) == got


@pytest.mark.parametrize("fault", ["key", "proof", "element", "swapped", "short"])
def test_a_service_that_cheats_is_found(group: Group, fault: str) -> None:
    """Another key, an altered proof or element, swapped or missing answers: no output is given."""
    voprf = Voprf(group)
    private = voprf.derive_key(SEED, INFO)
    public = voprf.public_key(private)
    batch = [voprf.blind(one) for one in (b"a", b"b")]
    honest = voprf.evaluate(private if fault != "key" else private + 1, [one.element for one in batch])
    altered = {
        "key": honest,
        "proof": Evaluation(honest.elements, honest.proof[:-1] + bytes([honest.proof[-1] ^ 1])),
        "element": Evaluation((honest.elements[0], group.times_base(5)), honest.proof),
        "swapped": Evaluation(honest.elements[::-1], honest.proof),
        "short": Evaluation(honest.elements[:1], honest.proof),
    }[fault]

    with pytest.raises(ProofError):
        voprf.finalize(public, batch, altered)


def test_blinding_hides_the_input(group: Group) -> None:
    """The same input is another element each time, and gives the same output."""
    voprf = Voprf(group)
    private = voprf.derive_key(SEED, INFO)

    batch = [voprf.blind(b"jane"), voprf.blind(b"jane")]
    outputs = voprf.finalize(voprf.public_key(private), batch, voprf.evaluate(private, [one.element for one in batch]))

    assert batch[0].element != batch[1].element
    assert outputs[0] == outputs[1] == voprf.evaluate_known(private, b"jane")


def test_bounds(group: Group) -> None:
    """Empty and oversized batches, the identity, long inputs, short seeds, scalars beyond the order."""
    voprf = Voprf(group)
    with pytest.raises(ValueError, match="batch"):
        voprf.evaluate(1, [])
    with pytest.raises(ValueError, match="batch"):
        voprf.evaluate(1, [IDENTITY] * 10_001)
    with pytest.raises(ValueError, match="identity"):
        voprf.evaluate(1, [IDENTITY])
    with pytest.raises(ValueError, match="65,535"):
        voprf.blind(bytes(65_536))
    with pytest.raises(ValueError, match="seed"):
        voprf.derive_key(b"short", b"")
    with pytest.raises(ValueError, match="scalar"):
        scalar_from(scalar_bytes(ORDER))
    with pytest.raises(ValueError, match="output"):
        expand(b"", b"tag", 64 * 256)


def test_expand_message_of_rfc_9380() -> None:
    """Appendix K.3 (SHA-512): the empty message, 32 bytes."""
    got = expand(b"", b"QUUX-V01-CS02-with-expander-SHA512-256", 0x20)

    assert got.hex() == "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba"
