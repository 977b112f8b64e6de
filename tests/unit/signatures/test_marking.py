"""What the signatures of this version look like."""

import pytest

from stillwatch.records.tables import SIGNATURES
from stillwatch.signatures import build, marking


def test_the_mark_of_this_version() -> None:
    """Whoever changes a signature changes this: stores that were filled before refuse the new version, and say so."""
    assert marking.mark() == "4a1594fe5f2069b5"


def test_a_changed_signature_changes_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """One column that is signed otherwise is enough."""
    plain = marking.mark()

    def otherwise(*arguments: object) -> object:
        table = build.sign(*arguments)  # type: ignore[arg-type]
        at = SIGNATURES.names.index("n_words")
        return table.set_column(at, SIGNATURES.schema.field(at), table["n_turns"])

    monkeypatch.setattr(marking, "sign", otherwise)

    assert marking.mark() != plain
