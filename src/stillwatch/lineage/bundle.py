"""
A signed evidence bundle: what was read, what was asked, what came out, in numbers from which every p-value is computed again.

`check` trusts nothing in a bundle but its numbers: it verifies the signature, hashes the files that are still here, computes
every p-value from its proof, Holm's correction from the p-values, and looks whether the verdicts follow.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillwatch.errors import LineageError, LogFormatError
from stillwatch.lineage.answers import Answers
from stillwatch.lineage.base import Verdict, print_p, stands
from stillwatch.lineage.operands import answers_file, host_of
from stillwatch.lineage.proof import recompute
from stillwatch.lineage.signing import seal, unseal
from stillwatch.methods.holm import holm_log10
from stillwatch.records import fields
from stillwatch.records.lineage import DigestRecord, LineageDocument, ResultRecord

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:stillwatch:lineage:1"
_LARGEST = 1 << 29
_TOLERANCE = 1e-6  # of a log10 p-value, relative: nine digits of its numbers are stored
_CLAIMS = frozenset({Verdict.REJECT.value, Verdict.CALIBRATED.value, Verdict.EXCLUDED.value})


class Outcome(StrEnum):
    """What came of one check."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_HERE = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked again."""

    what: str
    outcome: Outcome
    words: str


def write(document: LineageDocument, key: Ed25519PrivateKey) -> bytes:
    """The bundle of a document, signed."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"{d.operand}/{d.name}", "digest": {"sha256": d.sha256}} for d in document.digests],
        "predicateType": PREDICATE_TYPE,
        "predicate": fields.plain(document),
    }
    return seal(orjson.dumps(statement, option=orjson.OPT_SORT_KEYS), key)


def check(path: Path, expected_key: str | None = None) -> tuple[LineageDocument, list[Check]]:
    """
    Check a bundle again.

    Args:
        path: The bundle; kept answers of endpoints are looked for in `answers/` beside it.
        expected_key: Key id that must have signed it.

    Raises:
        LineageError: unreadable, or not a bundle.
    """
    payload, signer, valid = unseal(_read(path), str(path))
    document = _document(payload, str(path))
    checks = [_signature(signer, valid, expected_key)]
    checks += [_digest(digest, path.parent) for digest in document.digests]
    checks += [_p_value(result) for result in document.results if result.log10_p is not None]
    checks += list(_holm(document))
    return document, checks


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise LineageError(f"{path}: too large for an evidence bundle")
        return path.read_bytes()
    except OSError as error:
        raise LineageError(f"{path}: the bundle cannot be read ({error.strerror})") from error


def _document(payload: bytes, where: str) -> LineageDocument:
    try:
        statement = orjson.loads(payload)
        if statement["predicateType"] != PREDICATE_TYPE or statement["_type"] != STATEMENT_TYPE:
            raise ValueError("another kind of statement")
        return fields.from_json(LineageDocument, orjson.dumps(statement["predicate"]), where)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, LogFormatError) as error:
        raise LineageError(f"{where}: the statement inside is not what this version of Stillwatch reads") from error


def _signature(signer: str, valid: bool, expected: str | None) -> Check:
    if not valid:
        return Check("signature", Outcome.FAILS, f"the content is not what the key {signer[:16]} signed")
    if expected is not None and expected.lower() != signer:
        return Check("signature", Outcome.FAILS, f"signed by the key {signer}, not by the one expected")
    whose = "as expected" if expected else "whose it is, you must know from elsewhere"
    return Check("signature", Outcome.HOLDS, f"signed by the key {signer}: {whose}")


def _digest(digest: DigestRecord, beside: Path) -> Check:
    what = "digest of " + (digest.name if digest.name == digest.operand else f"{digest.operand}: {digest.name}")
    if host_of(digest.operand) is not None:
        kept = beside / "answers" / answers_file(digest.operand)
        found = Answers(kept).digest() if kept.exists() else None
    else:
        place = _place(digest)
        found = _sha256(place) if place else None
    if found is None:
        return Check(what, Outcome.NOT_HERE, "the file is not here")
    same = found == digest.sha256
    return Check(what, Outcome.HOLDS if same else Outcome.FAILS, "unchanged" if same else "the file has changed since")


def _place(digest: DigestRecord) -> Path | None:
    """The file itself where the operand is one, else inside the operand's folder or beside its file; None where it is gone."""
    operand = Path(digest.operand)
    if operand.is_file():
        return operand if digest.name in (digest.operand, operand.name) else _there(operand.parent / digest.name)
    return _there(operand / digest.name)


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _p_value(result: ResultRecord) -> Check:
    what = f"p-value of {result.test} against {result.base}"
    assert result.log10_p is not None
    if result.proof is None:
        return Check(what, Outcome.NOT_HERE, "the bundle holds no numbers for it")
    try:
        again = recompute(result.proof)
    except ValueError as error:
        return Check(what, Outcome.FAILS, str(error))
    same = math.isclose(again, result.log10_p, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    words = (
        f"computed again: {print_p(again)}" if same else f"computed again it is {print_p(again)}, not {print_p(result.log10_p)}"
    )
    return Check(what, Outcome.HOLDS if same else Outcome.FAILS, words)


def _holm(document: LineageDocument) -> Iterator[Check]:
    asked = [r for r in document.results if r.log10_p is not None]
    adjusted = holm_log10([r.log10_p for r in asked if r.log10_p is not None])
    wrong = [
        r.test
        for r, again in zip(asked, adjusted, strict=True)
        if r.holm_log10_p is None or not math.isclose(again, r.holm_log10_p, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    ]
    yield Check(
        f"Holm's correction over {len(asked)} results",
        Outcome.FAILS if wrong else Outcome.HOLDS,
        f"another value for {wrong[0]}" if wrong else "computed again",
    )
    bold = [
        r.test for r, again in zip(asked, adjusted, strict=True) if r.verdict in _CLAIMS and not stands(again, document.alpha)
    ]
    yield Check(
        "verdicts",
        Outcome.FAILS if bold else Outcome.HOLDS,
        f"{bold[0]} claims more than its p-value allows" if bold else f"each claim with a p-value stands at {document.alpha:g}",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
