"""Writers around writers: contracts, personas, names."""

from tests.planting import planted

from stillwatch.worlds.disguise import contracts
from stillwatch.worlds.hashing import mix
from stillwatch.worlds.shapes.split import Split


def test_contracts_differ_and_have_no_gaps() -> None:
    """Three hundred seeds give over a hundred contracts, each a whole sentence with its keys in place."""
    told = contracts(mix(5, list(range(300)))).to_pylist()

    assert len(set(told)) > 100
    assert not any("{" in c or "}" in c for c in told)
    assert told == contracts(mix(5, list(range(300)))).to_pylist()


def test_a_name_that_pads_is_the_accounts_own() -> None:
    """Of two accounts' notes none is the same, and one account has few."""
    world = planted(Split(accounts=6, exchanges=600, cover=0.0, entity=1.0, persona=1.0, language=0))
    notes: dict[int, set[str]] = {}
    for account, prompt in zip(world.events.account.tolist(), world.column("prompt"), strict=True):
        notes.setdefault(account, set()).add(prompt.split("\n\n")[1])

    assert all(1 <= len(said) <= 3 for said in notes.values())
    assert sum(map(len, notes.values())) == len(set.union(*notes.values()))


def test_a_disguise_moves_nothing_else() -> None:
    """With a persona the same prompts are sent by the same accounts at the same times."""
    plain, padded = (planted(Split(accounts=6, exchanges=200, persona=share)) for share in (0.0, 1.0))

    assert plain.events.at.tolist() == padded.events.at.tolist()
    assert sorted(plain.harvested) == sorted(p.split("\n\n", 1)[1] for p in padded.harvested)
