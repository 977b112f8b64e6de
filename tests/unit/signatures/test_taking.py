"""Signed tables, taken over."""

from tests.tables import a_table

from stillwatch.privacy import pseudonym
from stillwatch.records.tables import ACCOUNTS, SIGNATURES
from stillwatch.signatures import taken_over


def test_rows_are_numbered_anew_and_pseudonyms_stand_for_ids() -> None:
    """All but the row numbers stays; each account is listed once under its pseudonym, without an organisation."""
    batch = a_table(
        SIGNATURES, [{"row": 99, "account": -4, "exact": 1}, {"row": 5, "account": 7}, {"row": 6, "account": -4}]
    ).to_batches()[0]

    signed, people = taken_over(batch, 40)

    assert signed["row"].to_pylist() == [40, 41, 42]
    assert signed.drop_columns("row").equals(a_table(SIGNATURES, batch.to_pylist()).drop_columns("row"))
    assert people.schema.names == list(ACCOUNTS.names)
    assert people.to_pylist() == [{"account": a, "account_id": pseudonym(a), "org_id": None} for a in (-4, 7)]
