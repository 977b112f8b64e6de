"""Ladders of tactics, what they cost, and what is counted as spent."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from benchmarks.quality.adaptive import report, run
from benchmarks.quality.adaptive.report import Rung
from benchmarks.quality.adaptive.tactics import ACCOUNTS, BASE, HARVEST, TACTICS, Step, Tactic

from stillwatch import worlds
from stillwatch.worlds import World
from stillwatch.worlds.grade import Share
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.shapes.hydra import Hydra


def a_line(strength: str, hits: int, **spent: float) -> dict[str, Any]:
    """A measured world of a hundred accounts that harvested a thousand prompts in ten days."""
    told = {"accounts": 100.0, "days": 10.0, "prompts": 1_000.0, "tokens": 50_000.0, "wasted_tokens": 0.0} | spent
    return {"strength": strength, "found": [int(hits > 0), 1], "recall": [hits, 100], "spent": told, "false_campaigns": 0}


def test_every_tactic_of_the_design_has_a_ladder() -> None:
    """A1 to A16 are there, no tactic and no strength twice."""
    ids = [t.id for t in TACTICS]

    assert {f"A{n}" for n in range(1, 17)} <= {name.split()[0] for name in ids}
    assert len(ids) == len(set(ids))
    for tactic in TACTICS:
        strengths = [s.strength for s in tactic.steps]
        assert len(strengths) >= 3, tactic.id
        assert len(strengths) == len(set(strengths)), tactic.id


@pytest.mark.parametrize("tactic", TACTICS, ids=lambda t: t.id)
def test_the_steps_of_a_ladder_are_different_worlds_of_one_size(tactic: Tactic) -> None:
    """Each step changes the campaign or the reference; benign parts stay, and no world is too large for a small machine."""
    built = [run.around(step) for step in tactic.steps]
    benign = [{name: part for name, part in w.parts.items() if not part.campaign} for w in built]

    assert all(b == run.benign().parts for b in benign)
    assert all(w.exchanges < 80_000 for w in built)
    for before, after in pairwise(tactic.steps):
        assert (before.parts, before.poison) != (after.parts, after.poison)


def test_a_ladder_falls_where_less_than_half_is_found() -> None:
    """Lines of several seeds count together, in the order of the ladder and not of the file."""
    lines = [a_line("much", 40), a_line("some", 100), a_line("much", 58), a_line("none", 100), a_line("some", 2)]

    rungs = report.ladder(lines, ["none", "some", "much", "not measured"])

    assert [r.strength for r in rungs] == ["none", "some", "much"]
    assert [r.recall.hits for r in rungs] == [100, 102, 98]
    assert report.falls(rungs) == 2
    assert report.falls(rungs[:2]) is None


def test_cost_is_told_beside_the_first_step() -> None:
    """Twice the tokens for half the prompts: four times the tokens a prompt, and as many accounts again."""
    first, there = report.ladder([a_line("none", 100), a_line("much", 9, tokens=100_000.0, prompts=500.0)], ["none", "much"])

    told = report.cost(first, there)

    assert told == report.Cost(extra_tokens=150.0, times_tokens=4.0, lost_throughput=0.5, extra_accounts=100.0)


def test_what_poison_wastes_is_paid_for() -> None:
    """Tokens of groups that only poison the reference count for the prompts that the campaign harvests later."""
    told = report.ladder([a_line("a", 1), a_line("b", 1, wasted_tokens=25_000.0)], ["a", "b"])

    assert report.cost(*told).times_tokens == 1.5


def test_a_share_is_kept_with_its_counts() -> None:
    """Recall over lines is hits and accounts, so that an interval can be made of it."""
    assert report.recall([a_line("a", 3), a_line("b", 4)]) == Share(7, 200)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> worlds.WorldReport:
    """Some chat, and ten accounts that harvest ten prompts each and send as many others."""
    fleet = Hydra(accounts=10, exchanges=200, cover=0.5, samples=2)
    world = World("w", {"people": ChatUsers(accounts=20, exchanges=200), "campaign": fleet})
    return worlds.build(world, 1, tmp_path_factory.mktemp("world"))


def test_spent_counts_prompts_once_and_cover_where_it_is_paid_for(built: worlds.WorldReport) -> None:
    """A prompt sent twice is one; cover counts but where others pay for it; a rewriting model reads and writes each prompt."""
    log = pq.read_table(built.log, columns=run._SENT)
    step = Step("x", {"campaign": Hydra(accounts=10, exchanges=200, days=10.0)})

    paid, free, rewritten = (
        run.spent(log, built.truth, s) for s in (step, replace(step, own_cover=False), replace(step, rewritten=1.0))
    )

    assert paid["prompts"] == 50
    assert (paid["exchanges"], free["exchanges"]) == (200, 100)
    assert (paid["accounts"], paid["days"]) == (10, 10)
    assert free["tokens"] < paid["tokens"] < rewritten["tokens"]


def test_the_newest_line_of_a_world_counts(tmp_path: Path) -> None:
    """A world that was measured again has one line, the last."""
    path = tmp_path / "lines.jsonl"
    told = [{"tactic": "A1", "strength": "s", "seed": seed, "n": n} for seed, n in ((1, 1), (2, 2), (1, 3))]
    path.write_bytes(b"\n".join(map(orjson.dumps, told)))

    assert sorted(t["n"] for t in run.lines(path)) == [2, 3]
    assert run.lines(tmp_path / "none.jsonl") == []


def test_the_first_step_harvests_what_it_says() -> None:
    """The campaign that uses no tactic has the accounts and the harvest that the page tells."""
    fleet = Hydra(**BASE)

    assert fleet.accounts == ACCOUNTS
    assert round(fleet.exchanges * (1 - fleet.cover)) == ACCOUNTS * HARVEST


def test_a_rung_holds_what_its_page_shows() -> None:
    """Tokens a prompt and prompts an account and day come from sums over seeds."""
    lines = [a_line("a", 50), a_line("a", 50, prompts=3_000.0)]

    assert report.ladder(lines, ["a"]) == [Rung("a", Share(2, 2), Share(100, 200), 25.0, 2.0, 0)]
