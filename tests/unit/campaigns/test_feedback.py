"""What rulings teach."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.scanned import a_store
from tests.tables import a_table

from stillwatch.campaigns import feedback, reference, score
from stillwatch.campaigns.feedback import Decisions
from stillwatch.campaigns.reference import Reference
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records import tables
from stillwatch.settings import CampaignSettings

SETTINGS = CampaignSettings()


def rows(kind: str, first: int, n: int, **bits: float) -> pa.Table:
    """Reference rows of `n` groups of one kind, numbered from `first`; a family a detector."""
    return pa.Table.from_pylist(
        [
            {"group": g, "kind": kind, "stratum": "template 10-49", "detector": f, "family": f, "weight_bits": b}
            for g in range(first, first + n)
            for f, b in bits.items()
        ],
        schema=reference.SCHEMA,
    )


def taught(tmp_path: Path, campaigns: dict[str, bool], accounts: dict[int, bool], known: Reference) -> feedback.Taught:
    """What rulings on three groups of thirty accounts teach: group 1 is campaign c-1, 2 is c-2, 3 is nothing yet."""
    with a_store(tmp_path) as engine:
        _store(engine)
        return feedback.taught(engine, SETTINGS, known, Decisions(campaigns, accounts))


def _store(engine: DuckDBEngine) -> None:
    groups = (1, 2, 3)
    members = [{"group": g, "account": 100 * g + n} for g in groups for n in range(30)]
    engine.write(tables.EVIDENCE, a_table(tables.EVIDENCE, [_says(g, "pool", 9.0) for g in groups]))
    engine.write(
        tables.GROUPS,
        a_table(tables.GROUPS, [{"group": g, "origin": "recipe", "n_accounts": 30, "n_exchanges": 300} for g in groups]),
    )
    engine.write(tables.GROUP_ACCOUNTS, a_table(tables.GROUP_ACCOUNTS, members))
    engine.write(
        tables.MEMBERS,
        a_table(
            tables.MEMBERS,
            [
                {"campaign_id": f"c-{m['group']}", "account": m["account"], "membership": "core"}
                for m in members
                if m["group"] < 3
            ],
        ),
    )
    told = [{"campaign_id": f"c-{g}", "group": g} for g in (1, 2)]
    engine.write(tables.CAMPAIGNS, a_table(tables.CAMPAIGNS, [{**t, "verdict": "likely"} for t in told]))
    engine.write(tables.CAMPAIGN_GROUPS, a_table(tables.CAMPAIGN_GROUPS, told))


def _says(group: int, family: str, bits: float) -> dict[str, object]:
    return {"group": group, "detector": family, "family": family, "weight_bits": bits}


def kinds(known: Reference) -> dict[int, str]:
    """Group -> kind of a reference."""
    return dict(zip(known.rows["group"].to_pylist(), known.rows["kind"].to_pylist(), strict=True))


KNOWN = Reference("shipped", rows("app", 50, 4, pool=-3.0))


def test_cleared_groups_join_as_benign_and_confirmed_ones_as_campaigns(tmp_path: Path) -> None:
    """A cleared campaign's group becomes an ordinary one, a confirmed one's a campaign; nobody else's group moves."""
    found = taught(tmp_path, {"c-1": False, "c-2": True}, {}, KNOWN)

    assert kinds(found.known) == {50: "app", 51: "app", 52: "app", 53: "app", 1: "mixed", 2: "campaign"}
    assert (found.n_cleared, found.n_confirmed, found.n_left_out) == (1, 1, 0)
    assert found.known.ruled == {1, 2}
    assert found.known.n_benign == 5


def test_a_confirmed_group_leaves_the_benign_ones(tmp_path: Path) -> None:
    """A group that was learnt as ordinary before it was confirmed does not stay in the reference as ordinary."""
    known = Reference("own", pa.concat_tables([KNOWN.rows, rows("mixed", 2, 1, pool=9.0)]))

    found = taught(tmp_path, {"c-2": True}, {}, known)

    assert kinds(found.known)[2] == "campaign"
    assert found.n_left_out == 1


def test_accounts_that_are_ruled_on_decide_their_group(tmp_path: Path) -> None:
    """A group of which six in ten accounts are cleared is benign, also where no campaign was named; a few are not enough."""
    most = {300 + n: False for n in range(18)}

    assert kinds(taught(tmp_path / "most", {}, most, KNOWN).known)[3] == "mixed"
    assert 3 not in kinds(taught(tmp_path / "few", {}, {300: False}, KNOWN).known)


def test_a_cleared_group_with_confirmed_accounts_is_neither(tmp_path: Path) -> None:
    """More than a twentieth confirmed accounts keep a group out of the benign ones whatever its campaign was called."""
    found = taught(tmp_path, {"c-1": False}, {100 + n: True for n in range(4)}, KNOWN)

    assert 1 not in kinds(found.known)


def test_factors_wait_for_rulings_enough() -> None:
    """Below twenty of each kind the factors stay, and it is said."""
    few = pa.concat_tables([rows("campaign", 1, 19, pool=9.0), rows("mixed", 101, 40, pool=8.0)])

    fusion, told = feedback.fitted(few, set(range(200)), {"pool": 0.8})

    assert fusion == {"pool": 0.8}
    assert "19 confirmed and 40 cleared campaigns so far, and 20 of each are needed" in told


def test_a_family_that_speaks_for_cleared_campaigns_counts_less() -> None:
    """What cried wolf is turned down, what told them apart is not; no factor leaves its bounds or turns its sign."""
    ruled = pa.concat_tables([rows("campaign", 1, 40, pool=9.0, timing=5.0), rows("mixed", 101, 40, pool=-6.0, timing=5.5)])

    fusion, _ = feedback.fitted(ruled, set(range(200)), {})

    assert feedback.LEAST_FACTOR <= fusion["timing"] < 1.0 <= fusion["pool"] <= feedback.MOST_FACTOR


@pytest.mark.parametrize("bits", [-7.0, -1.0, 0.0, 2.0, 9.0])
def test_fusion_is_monotone(bits: float) -> None:
    """More bits of any family never lower a score, under the least and the greatest factor."""
    for factor in (feedback.LEAST_FACTOR, feedback.MOST_FACTOR):
        told = [
            score.score(score.fused(rows("x", 1, 1, pool=b, timing=3.0), {"pool": factor})).bits[0] for b in (bits, bits + 1.0)
        ]
        assert told[0] <= told[1]


def test_lessons_are_kept_with_the_reference(tmp_path: Path) -> None:
    """Factors and ruled groups come back from the file, for a scan and for the next rulings; the scores use them."""
    known = Reference("own", rows("app", 1, 3, pool=4.0), {"pool": 0.5}, frozenset({1}))
    reference.save(known, tmp_path / "own.parquet")

    again = reference.own(tmp_path / "own.parquet", 3)

    assert (again.fusion, again.ruled) == ({"pool": 0.5}, frozenset({1}))
    assert again.benign(frozenset({"pool"}))["template 10-49"].tolist() == [2.0, 2.0, 2.0]
    assert np.allclose(again.weights("app", "pool"), 4.0)
    assert reference.saved(tmp_path / "own.parquet").fusion == known.fusion
