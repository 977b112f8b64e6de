"""Evidence bundles: written once, checked by anybody."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillwatch.errors import LineageError
from stillwatch.lineage import bundle
from stillwatch.lineage.answers import Answers
from stillwatch.lineage.base import Comparison, Given, Result, Verdict
from stillwatch.lineage.bundle import Check, Outcome
from stillwatch.lineage.document import document
from stillwatch.lineage.operands import answers_file
from stillwatch.lineage.proof import by_rank, recompute
from stillwatch.lineage.signing import seal
from stillwatch.lineage.texts import read_texts
from stillwatch.lineage.transport import Reply
from stillwatch.methods.ed25519 import key_id
from stillwatch.records.lineage import DigestRecord, LineageDocument

KEY = Ed25519PrivateKey.generate()
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> LineageDocument:
    """A document about a file of outputs that is still there."""
    said = tmp_path / "said.jsonl"
    said.write_text('{"prompt": "p", "output": "o"}\n')
    proof = by_rank(5.0, [float(i) / 1000 for i in range(999)])
    log10_p = recompute(proof)
    result = Result("order", str(said), "b", Verdict.REJECT, "w", "n", True, log10_p, 5.0, proof=proof, holm_log10_p=log10_p)
    return document(Comparison(str(said), ("b",), Given(), (result,)), [read_texts(said)], NOW)


def checked(folder: Path, made: LineageDocument, expected: str | None = None) -> dict[str, Check]:
    """Checks of a bundle of this document, by what was checked."""
    path = folder / "lineage.bundle.json"
    path.write_bytes(bundle.write(made, KEY))
    told, checks = bundle.check(path, expected)
    assert told.suspect == made.suspect
    return {check.what: check for check in checks}


def outcomes(checks: dict[str, Check]) -> set[Outcome]:
    """What came out."""
    return {check.outcome for check in checks.values()}


def test_an_honest_bundle_holds_in_every_check(tmp_path: Path, made: LineageDocument) -> None:
    """Signature, digest, p-value, Holm, verdict."""
    checks = checked(tmp_path, made, key_id(KEY.public_key()))

    assert outcomes(checks) == {Outcome.HOLDS}
    assert len(checks) == 5
    assert "computed again: 0.001" in checks["p-value of order against b"].words


def test_it_is_an_in_toto_statement_about_the_files(tmp_path: Path, made: LineageDocument) -> None:
    """Other tools find subjects with SHA-256 digests."""
    tree = json.loads(bundle.write(made, KEY))
    statement = json.loads(base64.b64decode(tree["payload"]))

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0]["digest"]["sha256"] == made.digests[0].sha256


def test_somebody_elses_signature_is_named(tmp_path: Path, made: LineageDocument) -> None:
    """The expected signer is asked for by key id."""
    checks = checked(tmp_path, made, "0" * 64)

    assert checks["signature"].outcome is Outcome.FAILS
    assert "not by the one expected" in checks["signature"].words


def test_a_content_that_was_changed_after_signing(tmp_path: Path, made: LineageDocument) -> None:
    """A changed byte breaks the signature."""
    tree = json.loads(bundle.write(made, KEY))
    other = bundle.write(replace(made, seed=2), KEY)
    tree["payload"] = json.loads(other)["payload"]
    (tmp_path / "b.json").write_text(json.dumps(tree))

    _, checks = bundle.check(tmp_path / "b.json")

    assert checks[0].outcome is Outcome.FAILS
    assert "not what the key" in checks[0].words


def test_a_file_that_changed_and_one_that_is_gone(tmp_path: Path, made: LineageDocument) -> None:
    """Changed fails; gone is not checked, and says so."""
    gone = replace(made, digests=(*made.digests, DigestRecord("elsewhere", "model.safetensors", "0" * 64)))
    Path(made.suspect).write_text('{"prompt": "p", "output": "changed"}\n')

    checks = checked(tmp_path, gone)

    assert checks[f"digest of {made.suspect}"].outcome is Outcome.FAILS
    assert checks["digest of elsewhere: model.safetensors"].outcome is Outcome.NOT_HERE


def test_files_beside_the_one_that_was_named_are_hashed_too(tmp_path: Path, made: LineageDocument) -> None:
    """A checkpoint given as one file brings its config, a split one its other parts."""
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_bytes(b"{}")
    operand, digests = str(tmp_path / "model.safetensors"), {"model.safetensors": b"weights", "config.json": b"{}"}
    records = [DigestRecord(operand, name, hashlib.sha256(raw).hexdigest()) for name, raw in digests.items()]

    honest = checked(tmp_path, replace(made, digests=tuple(records)))
    (tmp_path / "config.json").write_bytes(b"{ }")
    changed = checked(tmp_path, replace(made, digests=tuple(records)))

    assert [honest[f"digest of {operand}: {name}"].outcome for name in digests] == [Outcome.HOLDS, Outcome.HOLDS]
    assert [changed[f"digest of {operand}: {name}"].outcome for name in digests] == [Outcome.HOLDS, Outcome.FAILS]


def test_kept_answers_of_an_endpoint_are_hashed_again(tmp_path: Path, made: LineageDocument) -> None:
    """They are looked for beside the bundle."""
    name = "https://host/v1#m"
    answers = Answers(tmp_path / "answers" / answers_file(name))
    answers.put("q", Reply(200, {}, b"{}"))
    digest = answers.digest()
    with_it = replace(made, digests=(DigestRecord(name, name, digest), DigestRecord("https://host/v1#n", "n", digest)))

    checks = checked(tmp_path, with_it)

    assert checks[f"digest of {name}"].outcome is Outcome.HOLDS
    assert checks["digest of https://host/v1#n: n"].outcome is Outcome.NOT_HERE


Change = Callable[[Any], Any]


@pytest.mark.parametrize(
    ("change", "what", "words"),
    [
        (lambda r: replace(r, log10_p=-9.0, holm_log10_p=-9.0), "p-value of order against b", "computed again it is 0.001"),
        (lambda r: replace(r, holm_log10_p=-9.0), "Holm's correction over 1 results", "another value for order"),
        (lambda r: replace(r, holm_log10_p=None), "Holm's correction over 1 results", "another value for order"),
        (lambda r: replace(r, proof=replace(r.proof, observed=None)), "p-value of order against b", "needs the observed"),
        (
            lambda r: replace(r, log10_p=-0.5, holm_log10_p=-0.5, proof=by_rank(1.0, [0.0, 2.0])),
            "verdicts",
            "claims more than its p-value allows",
        ),
    ],
)
def test_numbers_that_do_not_follow_fail_under_a_valid_signature(
    tmp_path: Path, made: LineageDocument, change: Change, what: str, words: str
) -> None:
    """Whoever signs a wrong number is found out by the number."""
    checks = checked(tmp_path, replace(made, results=(change(made.results[0]),)))

    assert checks["signature"].outcome is Outcome.HOLDS
    assert checks[what].outcome is Outcome.FAILS
    assert words in checks[what].words


def test_a_p_value_without_numbers_is_not_checked(tmp_path: Path, made: LineageDocument) -> None:
    """And never passes for checked."""
    checks = checked(tmp_path, replace(made, results=(replace(made.results[0], proof=None),)))

    assert checks["p-value of order against b"].outcome is Outcome.NOT_HERE


@pytest.mark.parametrize(
    "payload", [b"x", b"{}", b'{"_type": "https://in-toto.io/Statement/v1", "predicateType": "p", "predicate": {}}']
)
def test_other_statements_are_refused(tmp_path: Path, payload: bytes) -> None:
    """A valid envelope around something else is no bundle."""
    (tmp_path / "b.json").write_bytes(seal(payload, KEY))

    with pytest.raises(LineageError, match="not what this version"):
        bundle.check(tmp_path / "b.json")


def test_unreadable_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing or oversized."""
    (tmp_path / "b.json").write_text("xx")

    with pytest.raises(LineageError, match="cannot be read"):
        bundle.check(tmp_path / "missing.json")
    monkeypatch.setattr(bundle, "_LARGEST", 1)
    with pytest.raises(LineageError, match="too large"):
        bundle.check(tmp_path / "b.json")
