"""What accounts share, and its picture."""

from stillwatch.report.links import COMMON, HEIGHT, Hub, hubs_worth_drawing, picture, threads

EVERYONE = Hub("recipe", 1, 40, 44)
CARD = Hub("payment", 2, 10, 10)
NAT = Hub("network", 3, 30, 9_000)
DEVICE = Hub("device", 4, 6, 7)


def test_popular_networks_are_not_drawn() -> None:
    """A network that the whole platform uses tells nothing; recipes are always drawn."""
    assert hubs_worth_drawing([NAT, CARD, EVERYONE, DEVICE], 9) == [2, 1, 3]


def test_the_most_shared_hubs_are_drawn_first() -> None:
    """Of one kind, hubs of many accounts go before hubs of few, and only so many are drawn."""
    cards = [Hub("payment", i, 2 + i, 2 + i) for i in range(30)]

    chosen = hubs_worth_drawing(cards, 99)

    assert chosen == list(range(29, 15, -1))


def test_kinds_take_turns_where_room_is_short() -> None:
    """Many recipes do not hide the one card behind them."""
    hubs = [Hub("recipe", i, 40 - i, 50) for i in range(12)] + [CARD]

    assert hubs_worth_drawing(hubs, 4) == [0, 1, 2, 12]


def test_every_account_is_drawn_while_there_is_room() -> None:
    """Small campaigns show one circle an account, with a line for each drawn hub that it is tied to."""
    memberships = ["core"] * 20 + ["probable"] * 3
    uses = [(a, 0) for a in range(10)] + [(a, 1) for a in range(8, 14)]

    drawn = picture([CARD, DEVICE], uses, memberships, budget=100)

    assert sorted(a for n in drawn.nodes for a in n.accounts) == list(range(23))
    assert all(len(n.accounts) == 1 for n in drawn.nodes)
    assert len(drawn.lines) == len(uses)
    assert drawn.n_left_out == 0


def test_accounts_that_are_tied_alike_become_one_circle() -> None:
    """Large campaigns are grouped by membership and ties; every account is in one circle or counted as left out."""
    memberships = ["core"] * 900 + ["touched"] * 100
    uses = [(a, 0) for a in range(0, 1_000, 2)] + [(a, 1) for a in range(100, 400)]

    drawn = picture([Hub("payment", 2, 500, 500), Hub("device", 4, 300, 300)], uses, memberships, budget=60)

    assert len(drawn.nodes) == 6
    assert sum(len(n.accounts) for n in drawn.nodes) + drawn.n_left_out == 1_000
    for node in drawn.nodes:
        assert {memberships[a] for a in node.accounts} == {node.membership}
        assert {tuple(sorted({h for x, h in uses if x == a})) for a in node.accounts[:5]} == {tuple(sorted(node.hubs))}


def test_rare_combinations_are_left_to_the_table() -> None:
    """Where even combinations are too many, the fewest accounts go undrawn, and are counted."""
    hubs = [Hub("payment", i, 20, 20) for i in range(14)]
    uses = [(a, h) for a in range(400) for h in range(14) if (a * 2_654_435_761 >> h) & 1]

    drawn = picture(hubs, uses, ["core"] * 400, budget=48)

    assert len(drawn.nodes) + len(drawn.marks) <= 48
    assert drawn.n_left_out == 400 - sum(len(n.accounts) for n in drawn.nodes) > 0


def test_what_all_share_is_set_aside_and_pulls_nothing() -> None:
    """A hub of most accounts stands on the shelf at the left, with its lines kept for those who point at it."""
    uses = [(a, 0) for a in range(40)] + [(a, 1) for a in range(10)]

    drawn = picture([EVERYONE, CARD], uses, ["core"] * 44, budget=100)

    shelf = [m for m in drawn.marks if m.common]
    assert [m.hub for m in shelf] == [0]
    assert EVERYONE.n_accounts > COMMON * 44 > CARD.n_accounts
    assert all(node.x > shelf[0].x for node in drawn.nodes)
    assert sum(1 for _, mark in drawn.lines if drawn.marks[mark].hub == 0) == 40


def test_a_long_shelf_stays_on_the_page() -> None:
    """However many things all accounts share, their marks fit below one another."""
    hubs = [Hub(kind, i, 20, 20) for kind in ("recipe", "payment", "device") for i in range(12)]

    drawn = picture(hubs, [(a, h) for a in range(20) for h in range(36)], ["core"] * 20, budget=200)

    heights = [m.y for m in drawn.marks]
    assert all(m.common for m in drawn.marks)
    assert len(set(heights)) == len(heights) == 36
    assert max(heights) < HEIGHT - 20


def test_an_empty_campaign_has_an_empty_picture() -> None:
    """No accounts, no circles."""
    assert picture([], [], [], 100).nodes == ()


def test_threads_join_each_hub_to_its_circles() -> None:
    """One path a hub, one line a circle."""
    drawn = picture([CARD, DEVICE], [(0, 0), (1, 0), (1, 1)], ["core"] * 3, budget=50)

    paths = threads(drawn)

    assert [p.count("M") for p in paths] == [2, 1]
    assert all(p.startswith(f"M{m.x:g} {m.y:g}L") for p, m in zip(paths, drawn.marks, strict=True))
