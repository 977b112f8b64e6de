"""What is in a world."""

from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import SettingsError
from stillwatch.worlds import PARTS, World, load, preset, preset_names, with_dials
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.classroom import Classroom
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.world import from_mapping, told

# what the demo and the acceptance world are made of, whatever shapes were added since
OLDEST = {"chat", "framework", "eval_harness", "classroom", "viral", "batch", "organisation", "gateway", "app"}
OLDEST |= {"synthetic_data", "licensed", "hydra", "split", "elicitation"}
SMALL = World("w", {"people": ChatUsers(accounts=10, exchanges=100), "hydra": Hydra(accounts=5, exchanges=50)})


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_read(name: str) -> None:
    """Its parts fit their dials, and all but the large look-alikes of the reference have a campaign among them."""
    world = preset(name)

    assert world.name == name
    assert world.exchanges > 0
    assert any(p.campaign for p in world.parts.values()) is (name != "reference-large")


def test_published_cases_have_their_published_numbers() -> None:
    """Accounts, exchanges and days of the campaigns, as reported."""
    numbers = {
        name: (
            sum(p.accounts for p in preset(name).parts.values() if p.campaign),
            sum(p.exchanges for p in preset(name).parts.values() if p.campaign),
            preset(name).days,
        )
        for name in preset_names()
        if name.startswith("published")
    }

    assert numbers == {
        "published-24000": (24_000, 16_000_000, 30.0),
        "published-25000": (25_000, 28_800_000, 45.0),
        "published-273": (273, 3_400_000, 17.0),
        "published-15000": (15_000, 840_000, 28.0),
    }


def test_the_preset_shapes_has_every_part() -> None:
    """Every campaign shape and every benign kind, the popular framework before the campaign that hides in it."""
    world = preset("shapes")
    names = [p.kind for p in world.parts.values()]

    assert set(names) == set(PARTS)
    assert names.index("framework") < names.index("hidden")


def test_the_demo_has_all_look_alikes_and_three_campaigns() -> None:
    """About 60,000 exchanges of about 3,000 accounts."""
    world = preset("demo")

    assert {p.kind for p in world.parts.values()} == OLDEST
    assert sum(p.campaign for p in world.parts.values()) == 3
    assert 55_000 < world.exchanges < 65_000
    assert 2_800 < world.accounts < 3_200


def test_the_acceptance_world_is_large_and_its_attackers_are_few() -> None:
    """At least 500,000 exchanges, campaigns of 300 accounts at half cover, with and without templates."""
    world = preset("accept")
    planted = [p for p in world.parts.values() if p.campaign]

    assert world.exchanges >= 500_000
    assert sorted((p.kind, p.accounts) for p in planted) == [("hydra", 300), ("split", 300)]
    assert sum(p.exchanges for p in planted) / 2 < 0.03 * world.exchanges
    assert {p.kind for p in world.parts.values()} >= OLDEST - {"elicitation"}


def test_another_size_is_absorbed_by_ordinary_traffic() -> None:
    """Campaigns and look-alikes stay as they are."""
    world = preset("demo").sized(exchanges=100_000, accounts=5_000)

    assert (world.exchanges, world.accounts) == (100_000, 5_000)
    assert world.parts["hydra"] == preset("demo").parts["hydra"]
    assert world.parts["chat"].exchanges > preset("demo").parts["chat"].exchanges
    assert SMALL.sized() == SMALL


def test_too_small_a_size_is_refused() -> None:
    """The message says how large the rest is; also where nothing can absorb the difference."""
    with pytest.raises(SettingsError, match=r"40 exchanges are too few.*alone have 50"):
        SMALL.sized(exchanges=40)
    with pytest.raises(SettingsError, match="too few"):
        World("w", {"hydra": Hydra()}).sized(accounts=7)
    with pytest.raises(SettingsError, match="exchanges must be at least accounts"):
        SMALL.sized(accounts=5_000)


def test_dials_are_set_by_name_kind_campaign_or_world() -> None:
    """Values are read as TOML; a bare word is text."""
    world = with_dials(
        SMALL,
        {
            "people.accounts": "12",
            "chat.many_customers": "0.5",
            "campaign.cover": "0",
            "hydra.signup": "burst",
            "world.days": "3",
        },
    )

    assert world.parts["people"] == ChatUsers(accounts=12, exchanges=100, many_customers=0.5)
    assert world.parts["hydra"] == Hydra(accounts=5, exchanges=50, cover=0.0, signup="burst")
    assert world.days == 3.0


@pytest.mark.parametrize(
    ("dial", "value", "message"),
    [
        ("hydra.covr", "0.1", "unknown dial 'covr'. Did you mean cover?"),
        ("hydra.xyzzy", "1", "Known here"),
        ("hydra.cover", "much", "must be float, not str"),
        ("hydra.cover", "1.0", "cover must lie in"),
        ("hydra.language", "true", "must be int, not bool"),
        ("nobody.cover", "0.1", "no part is called or of kind 'nobody'. There are: people, hydra"),
        ("world.dayz", "3", "unknown dial 'dayz'. Did you mean days?"),
        ("world.days", "0", "days must be above 0"),
        ("world.answers", "loud", "answers must be one of none, grammar, given"),
    ],
)
def test_dials_that_do_not_fit_are_refused(dial: str, value: str, message: str) -> None:
    """The message says which one and what would fit."""
    with pytest.raises(SettingsError) as caught:
        with_dials(SMALL, {dial: value})

    assert message in str(caught.value)


def test_copies_get_numbers() -> None:
    """One entry makes many parts."""
    world = from_mapping({"parts": [{"kind": "classroom", "copies": 3, "accounts": 20}]}, "x.toml")

    assert dict(world.parts) == {f"classroom-{i}": Classroom(accounts=20) for i in (1, 2, 3)}
    assert world.name == "x"


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"parts": [{"kind": "zoo"}]}, "no part of kind 'zoo'. There are: chat"),
        ({"parts": [{"kind": "chat"}, {"kind": "chat"}]}, "two parts are called 'chat'"),
        ({"size": 3}, "unknown dial 'size'"),
        ({"parts": [{"kind": "viral", "accounts": 5, "exchanges": 2}]}, "at least accounts"),
    ],
)
def test_worlds_that_do_not_fit_are_refused(tree: dict[str, object], message: str) -> None:
    """The message says what and where."""
    with pytest.raises(SettingsError) as caught:
        from_mapping(tree, "x.toml")

    assert message in str(caught.value)


def test_worlds_are_read_from_files(tmp_path: Path) -> None:
    """And what is wrong with a file is said."""
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('days = 3.0\n[[parts]]\nkind = "chat"\n')
    bad.write_text("days =")

    assert load(good).days == 3.0
    with pytest.raises(SettingsError, match="not TOML"):
        load(bad)
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_an_unknown_preset_is_named_with_its_nearest() -> None:
    """And with all there are."""
    with pytest.raises(SettingsError, match=r"no preset 'dmo'. Did you mean demo\? There are: accept, demo"):
        preset("dmo")


def test_a_world_is_told_with_all_its_dials() -> None:
    """So that it can be built again from its truth file."""
    whole = told(SMALL, 9)

    assert (whole["seed"], whole["name"], whole["days"]) == (9, "w", 14.0)
    assert whole["parts"][0] == {
        "name": "people",
        "kind": "chat",
        "campaign": False,
        "dials": {"accounts": 10, "exchanges": 100, "many_customers": 0.03},
    }


@pytest.mark.parametrize("prevalence", [1e-5, 1e-3, 1e-2])
def test_a_world_may_be_diluted(prevalence: float) -> None:
    """The harvest is that share of all exchanges, the campaign is as it was, ordinary accounts are as busy as before."""
    world = World("w", {"people": ChatUsers(100, 1_000), "hydra": Hydra(20, 400, cover=0.5)})
    thin = world.diluted(prevalence)

    assert world.harvested == thin.harvested == 200
    assert abs(200 / thin.exchanges / prevalence - 1) < 1e-3
    assert thin.parts["hydra"] == world.parts["hydra"]
    assert abs(thin.parts["people"].exchanges / thin.parts["people"].accounts - 10) < 0.1


@pytest.mark.parametrize(
    ("parts", "prevalence", "message"),
    [
        ({"people": ChatUsers(10, 100), "hydra": Hydra(20, 400)}, 0.9, "too few"),
        ({"people": ChatUsers(10, 100)}, 0.01, "no campaign is planted"),
        ({"people": ChatUsers(10, 100), "hydra": Hydra(20, 400)}, 0.0, "prevalence must lie in"),
    ],
)
def test_a_prevalence_that_cannot_be_is_refused(parts: dict[str, Any], prevalence: float, message: str) -> None:
    """The message says why."""
    with pytest.raises(SettingsError, match=message):
        World("w", parts).diluted(prevalence)
