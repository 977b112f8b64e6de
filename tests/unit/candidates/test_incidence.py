"""Accounts and the tokens they used."""

from pathlib import Path

from tests.tables import an_engine, incidence_of, stored


def test_every_layer_is_one_kind_of_token(tmp_path: Path) -> None:
    """Recipes by bundle, families of more than one recipe, settings and infrastructure, each with its accounts."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[
            {"row": 1, "account": 30, "config": 7, "network": 5},
            {"row": 2, "account": 10, "config": 7, "payment": 9},
            {"row": 3, "account": 20},
        ],
        recipes=[
            {"recipe": 100, "family": 100, "bundle": 100},
            {"recipe": 101, "family": 100, "bundle": 100},
            {"recipe": 5, "family": 5, "bundle": 5},
        ],
        uses=[
            {"row": 1, "account": 30, "recipe": 100},
            {"row": 2, "account": 10, "recipe": 101},
            {"row": 3, "account": 20, "recipe": 5},
        ],
    )

    found = incidence_of(engine)

    told = {
        (found.kind_name(t), int(found.tokens[t])): found.accounts[found.members[found.indptr[t] : found.indptr[t + 1]]].tolist()
        for t in range(len(found.tokens))
    }
    assert told == {
        ("bundle", 5): [20],
        ("bundle", 100): [10, 30],
        ("config", 7): [10, 30],
        ("family", 100): [10, 30],
        ("network", 5): [30],
        ("payment", 9): [10],
    }


def test_the_matrix_reads_both_ways(tmp_path: Path) -> None:
    """An account's tokens are just those whose members it is among."""
    engine = stored(
        an_engine(tmp_path),
        signatures=[{"row": n, "account": n % 4, "config": n % 3, "network": n % 2} for n in range(24)],
        recipes=[],
        uses=[],
    )

    found = incidence_of(engine)

    forwards = {(t, m) for t in range(len(found.tokens)) for m in found.members[found.indptr[t] : found.indptr[t + 1]].tolist()}
    backwards = {
        (t, a)
        for a in range(found.n_accounts)
        for t in found.account_tokens[found.account_indptr[a] : found.account_indptr[a + 1]].tolist()
    }
    assert forwards == backwards
    assert found.sizes.sum() == len(forwards)


def test_a_log_without_columns_has_no_tokens(tmp_path: Path) -> None:
    """Accounts without recipes, settings or infrastructure give an empty matrix."""
    engine = stored(an_engine(tmp_path), signatures=[{"row": 1, "account": 1}], recipes=[], uses=[])

    found = incidence_of(engine)

    assert (found.n_accounts, len(found.tokens), len(found.members)) == (1, 0, 0)
