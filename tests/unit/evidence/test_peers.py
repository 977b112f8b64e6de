"""What other providers saw: weighed by what its publisher measured, bounded, and never enough alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.scenes import EVERYTHING, an_engine, fleet, ordinary, said, scene_of

from stillwatch.campaigns.judge import test as judged
from stillwatch.campaigns.judge import verdicts
from stillwatch.campaigns.reference import shipped as reference
from stillwatch.evidence import weigh
from stillwatch.evidence.peers import Peers, expected_share
from stillwatch.evidence.rates import shipped
from stillwatch.evidence.scene import Visit
from stillwatch.evidence.weighing import run
from stillwatch.methods.adoption import excess_bits
from stillwatch.records.tables import EVIDENCE, GROUP_TOKENS, PEER_HITS, RECIPES, USES
from stillwatch.settings import CampaignSettings

ACCOUNTS, EXCHANGES = 40, 10


def hit(visits: list[Visit], kind: str | None, share: float = 1.0) -> list[Visit]:
    """Visits of which the first accounts hit an indicator."""
    accounts = sorted({v.account for v in visits})
    chosen = set(accounts[: round(share * len(accounts))])
    return [replace(v, hit=kind if v.account in chosen else None) for v in visits]


def bits(tmp_path: Path, **groups: list[Visit]) -> dict[int, float]:
    """Weights of groups g1, g2 …"""
    scene = scene_of({int(name[1:]): visits for name, visits in groups.items()})
    with an_engine(tmp_path) as engine:
        scene.store(engine)
        return said(Peers(), engine, scene)


def test_kinds_weigh_as_much_as_they_can_tell(tmp_path: Path) -> None:
    """A token most, a behaviour least; it and a network stay below the three bits that make a family."""
    kinds = ("token", "template", "contract", "network", "behaviour")
    groups = {f"g{i}": hit(ordinary(i, ACCOUNTS, EXCHANGES), kind) for i, kind in enumerate(kinds, 1)}

    weights = [bits(tmp_path, **groups)[i] for i in range(1, 6)]

    assert weights == sorted(weights, reverse=True)
    assert weights[2] > 3.0 > weights[3] > 1.0
    assert max(weights) <= Peers.cap_bits


def test_more_accounts_weigh_more_and_a_stray_one_nothing(tmp_path: Path) -> None:
    """One account in forty is what anybody's phrase gives."""
    visits = ordinary(1, ACCOUNTS, EXCHANGES)
    shares = (0.0, 0.03, 0.1, 0.3, 1.0)

    weights = [bits(tmp_path / str(i), g1=hit(visits, "template", s))[1] for i, s in enumerate(shares)]

    assert weights == sorted(weights)
    assert weights[0] == 0.0
    assert weights[1] < 1.0 < weights[-1]


@pytest.mark.parametrize(("per_million", "least"), [(0.0, 0.0015), (None, 0.0015), (1_000.0, 0.0099)])
def test_no_publisher_is_trusted_below_what_can_be_measured(per_million: float | None, least: float) -> None:
    """A rate of zero over 20,000 texts leaves 150 in a million open; accounts that send more are hit more."""
    assert expected_share(np.full(20, 10), per_million, 0.001) == pytest.approx(least, rel=0.01)
    assert expected_share(np.full(20, 100), per_million, 0.001) > expected_share(np.full(20, 10), per_million, 0.001)
    assert expected_share(np.full(2, 10), 1e6, 0.001) == 0.95


def test_a_common_template_weighs_less(tmp_path: Path) -> None:
    """What its publisher saw in many benign requests is little evidence."""
    scene = scene_of({1: hit(ordinary(1, ACCOUNTS, EXCHANGES), "template", 0.5)})
    weights = []
    for rate in (0.0, 20_000.0, 200_000.0):
        with an_engine(tmp_path / str(rate)) as engine:
            scene.store(engine)
            hits = engine.read(PEER_HITS)
            at = hits.schema.get_field_index("benign_hits_per_million")
            engine.write(PEER_HITS, hits.set_column(at, hits.schema.field(at), [[rate] * hits.num_rows]))
            weights.append(said(Peers(), engine, scene)[1])

    assert weights[0] > weights[1] > weights[2]
    assert weights[2] < 1.0


def test_many_indicators_pay_for_the_choice(tmp_path: Path) -> None:
    """Of four indicators that hit as much, the weight of one less two bits."""
    visits = ordinary(1, ACCOUNTS, EXCHANGES)
    scene = scene_of({1: hit(visits, "template")})
    with an_engine(tmp_path) as engine:
        scene.store(engine)
        one = said(Peers(), engine, scene)[1]
        rows = engine.read(PEER_HITS).to_pylist()
        engine.write(
            PEER_HITS,
            PEER_HITS.schema.empty_table().from_pylist(
                [r | {"indicator_id": f"indicator--{i}"} for i in range(4) for r in rows], schema=PEER_HITS.schema
            ),
        )

        assert said(Peers(), engine, scene)[1] == pytest.approx(one - 2.0)


def test_kinds_of_a_newer_release_are_passed_over(tmp_path: Path) -> None:
    """An unknown kind has no rates, and says nothing; nor does a collision, which others weigh."""
    groups = {
        "g1": hit(ordinary(1, ACCOUNTS, EXCHANGES), "phase of the moon"),
        "g2": hit(ordinary(2, ACCOUNTS, EXCHANGES), "collision"),
    }

    assert bits(tmp_path, **groups) == {1: 0.0, 2: 0.0}


def test_the_mean_likelihood_ratio_of_ordinary_groups_is_at_most_what_the_floor_adds() -> None:
    """A true ratio has mean one over its null; raised to zero bits from below it may gain the share `reach`, and no more."""
    rng = np.random.default_rng(7)
    for kind, known in shipped().peers.items():
        n, a = 40, (1 - known.dispersion) / known.dispersion
        usual = expected_share(np.full(n, EXCHANGES), 100.0, known.base)
        rates = rng.beta(usual * a, (1 - usual) * a, 20_000)
        strays = rng.random(20_000) < known.stray
        counts = rng.binomial(n, np.where(strays, rng.random(20_000), rates))
        each = [2 ** max(excess_bits(k, n, usual, known.dispersion, known.reach, known.stray), 0.0) for k in range(n + 1)]

        assert float(np.mean(np.array(each)[counts])) < (1 + known.reach) * 1.05, kind


def test_without_a_hunt_it_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """A log that nothing was looked for in loses one witness and no verdict."""
    scene = scene_of({1: fleet(1, 30, 10)})
    with an_engine(tmp_path) as engine:
        scene.store(engine)

        skipped = run((Peers(),), engine, scene.window, EVERYTHING - {"peer_hits"})

        assert [s.detector for s in skipped] == ["peers"]
        assert "peer_hits" in skipped[0].reason


def test_hits_alone_are_not_even_watched(tmp_path: Path) -> None:
    """Ordinary accounts that all hit every kind of indicator: no campaign at all, whoever published what."""
    groups = {g: hit(ordinary(g, ACCOUNTS, EXCHANGES, first=1_000 * g), "token") for g in range(1, 6)}
    scene = scene_of(groups)
    with an_engine(tmp_path) as engine:
        scene.store(engine)
        weigh(engine, scene.window, EVERYTHING)

        for spec in (GROUP_TOKENS, RECIPES, USES):
            engine.write(spec, spec.schema.empty_table())

        table, _ = verdicts(engine, judged(engine, CampaignSettings(), reference()), CampaignSettings(), reference())

        said_by = engine.read(EVIDENCE)
        assert max(said_by.filter(np.array(said_by["detector"].to_pylist()) == "peers")["weight_bits"].to_pylist()) > 5
        assert table.num_rows == 0


def test_hits_move_no_p_value_and_can_be_the_second_family(tmp_path: Path) -> None:
    """Groups are tested by what one saw oneself: with and without hits p and q are equal, only bits and families differ."""
    visits = fleet(1, 60, 12, hit=None)
    groups = {1: visits, **{g: ordinary(g, ACCOUNTS, EXCHANGES, first=1_000 * g) for g in range(2, 8)}}
    found = {}
    for name, known in (("without", None), ("with", "template")):
        scene = scene_of({**groups, 1: hit(visits, known)})
        with an_engine(tmp_path / name) as engine:
            scene.store(engine)
            weigh(engine, scene.window, EVERYTHING)
            for spec in (GROUP_TOKENS, RECIPES, USES):
                engine.write(spec, spec.schema.empty_table())
            found[name] = judged(engine, CampaignSettings(), reference())

    assert found["with"].p.tolist() == found["without"].p.tolist()
    assert found["with"].q.tolist() == found["without"].q.tolist()
    gained = found["with"].bits - found["without"].bits
    assert gained[0] > 4
    assert gained[1:].tolist() == [0.0] * 6
    assert (found["with"].n_families - found["without"].n_families).tolist() == [1, 0, 0, 0, 0, 0, 0]
