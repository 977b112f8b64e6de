"""
The verifiable oblivious pseudorandom function of RFC 9497, mode VOPRF, suite ristretto255-SHA512, in batches.

The service learns how many inputs were evaluated and nothing about them; the client learns the outputs and, from the proof,
that they were made with the published key: so no client can be tagged by a key of its own.

References:
    RFC 9497 sections 2.2 (proofs), 3.3.2 (protocol), 4.1 (suite). Vectors of its appendix A.1.2 are tests.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.sharing.tokens.group import IDENTITY, ORDER, Group, expand, random_scalar, scalar_bytes, scalar_from

_CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"
MAX_BATCH = 10_000  # RFC 9497 allows 2^16 - 1
PROOF_BYTES = 64


class ProofError(ValueError):
    """The service did not use the key that it published, or the answer was altered on the way."""


@dataclass(frozen=True, slots=True)
class Blinded:
    """What a client keeps of one input, and what it sends."""

    input: bytes
    blind: int
    element: bytes


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the service answers to a batch."""

    elements: tuple[bytes, ...]
    proof: bytes


class Voprf:
    """
    The protocol over one backend of the group.

    Args:
        group: ristretto255.
    """

    def __init__(self, group: Group) -> None:
        self.group = group

    def derive_key(self, seed: bytes, info: bytes) -> int:
        """
        DeriveKeyPair (section 3.2.1): the private key of a seed.

        Raises:
            ValueError: the seed is not 32 bytes.
        """
        if len(seed) != 32:
            raise ValueError("a seed has 32 bytes")
        told = seed + len(info).to_bytes(2, "big") + info
        for counter in range(256):
            scalar = _to_scalar(told + bytes([counter]), b"DeriveKeyPair" + _CONTEXT)
            if scalar:
                return scalar
        raise ValueError("this seed gives no key; the chance of that is 2^-64000")

    def public_key(self, private: int) -> bytes:
        """The public key of a private one."""
        return self.group.times_base(private)

    def blind(self, value: bytes, blind: int | None = None) -> Blinded:
        """
        Blind one input; the blind is drawn at random unless a test vector gives it.

        Raises:
            ValueError: the input is longer than 65,535 bytes, or maps to the identity.
        """
        if len(value) > 0xFFFF:
            raise ValueError("an input has at most 65,535 bytes")
        element = self._to_group(value)
        if element == IDENTITY:
            raise ValueError("this input maps to the identity; the chance of that is 2^-252")
        factor = random_scalar() if blind is None else blind
        return Blinded(value, factor, self.group.times(factor, element))

    def evaluate(self, private: int, elements: Sequence[bytes], proof_scalar: int | None = None) -> Evaluation:
        """
        BlindEvaluate of a batch with one proof for all.

        Raises:
            ValueError: the batch is empty or too large, or an element is no canonical encoding or the identity.
        """
        _check_size(elements)
        if IDENTITY in elements:
            raise ValueError("the identity is no blinded element")
        evaluated = [self.group.times(private, element) for element in elements]
        public = self.public_key(private)
        m = self._sum(self._factors(public, elements, evaluated), elements)
        z = self.group.times(private, m)
        r = random_scalar() if proof_scalar is None else proof_scalar
        challenge = self._challenge(public, m, z, self.group.times_base(r), self.group.times(r, m))
        return Evaluation(tuple(evaluated), scalar_bytes(challenge) + scalar_bytes((r - challenge * private) % ORDER))

    def finalize(self, public: bytes, batch: Sequence[Blinded], evaluation: Evaluation) -> list[bytes]:
        """
        The outputs, 64 bytes each, after the proof has been verified.

        Raises:
            ProofError: the proof does not hold for this public key, or the answer is of another size.
        """
        _check_size(batch)
        if len(evaluation.elements) != len(batch) or len(evaluation.proof) != PROOF_BYTES:
            raise ProofError("the answer does not fit the question")
        try:
            self._verify(public, [one.element for one in batch], evaluation)
            points = [
                self.group.times(pow(one.blind, -1, ORDER), element)
                for one, element in zip(batch, evaluation.elements, strict=True)
            ]
        except ProofError:
            raise
        except ValueError as error:
            raise ProofError("the answer holds what is no element of the group") from error
        return [_output(one.input, point) for one, point in zip(batch, points, strict=True)]

    def evaluate_known(self, private: int, value: bytes) -> bytes:
        """What finalize would give, for whoever holds the key; for tests."""
        return _output(value, self.group.times(private, self._to_group(value)))

    def _verify(self, public: bytes, elements: Sequence[bytes], evaluation: Evaluation) -> None:
        challenge, response = scalar_from(evaluation.proof[:32]), scalar_from(evaluation.proof[32:])
        factors = self._factors(public, elements, evaluation.elements)
        m, z = self._sum(factors, elements), self._sum(factors, evaluation.elements)
        t2 = self.group.add(self.group.times_base(response), self.group.times(challenge, public))
        t3 = self.group.add(self.group.times(response, m), self.group.times(challenge, z))
        if self._challenge(public, m, z, t2, t3) != challenge:
            raise ProofError("the proof does not hold: the answer was not made with the published key")

    def _factors(self, public: bytes, elements: Sequence[bytes], evaluated: Sequence[bytes]) -> list[int]:
        """The random factors of ComputeComposites (section 2.2.1)."""
        seed = hashlib.sha512(_sized(public) + _sized(b"Seed-" + _CONTEXT)).digest()
        return [
            _to_scalar(
                _sized(seed) + number.to_bytes(2, "big") + _sized(c) + _sized(d) + b"Composite", b"HashToScalar-" + _CONTEXT
            )
            for number, (c, d) in enumerate(zip(elements, evaluated, strict=True))
        ]

    def _sum(self, factors: Sequence[int], elements: Sequence[bytes]) -> bytes:
        total = IDENTITY
        for factor, element in zip(factors, elements, strict=True):
            total = self.group.add(total, self.group.times(factor, element))
        return total

    def _challenge(self, *elements: bytes) -> int:
        told = b"".join(_sized(element) for element in elements) + b"Challenge"
        return _to_scalar(told, b"HashToScalar-" + _CONTEXT)

    def _to_group(self, value: bytes) -> bytes:
        return self.group.from_uniform(expand(value, b"HashToGroup-" + _CONTEXT, 64))


def _to_scalar(value: bytes, tag: bytes) -> int:
    return int.from_bytes(expand(value, tag, 64), "little") % ORDER


def _sized(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


def _output(value: bytes, point: bytes) -> bytes:
    return hashlib.sha512(_sized(value) + _sized(point) + b"Finalize").digest()


def _check_size(batch: Sequence[object]) -> None:
    if not 1 <= len(batch) <= MAX_BATCH:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} elements")
