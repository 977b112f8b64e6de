"""
What the accounts of a campaign share, and a picture of it that a person can read.

An account is tied to *hubs*: the recipes it runs, its payment instruments, devices, networks and clients. A picture of hubs and
accounts has one line for each use; lines between all accounts of one hub would be its square.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from stillwatch.report import layout

KINDS = ("recipe", "payment", "device", "network", "client")
MIN_SHARED = 2  # accounts: what one account alone uses ties nothing
CONCENTRATED = 0.2  # share of a hub's users in the log that are in the campaign; below it is a popular network or client
MAX_DRAWN_HUBS = {"recipe": 12, "payment": 14, "device": 14, "network": 12, "client": 6}
COMMON = 0.4  # share of the accounts above which a hub ties all to all: it is set on a shelf, and shapes nothing
WIDTH, HEIGHT, MARGIN, SHELF = 960.0, 560.0, 26.0, 84.0


@dataclass(frozen=True, slots=True)
class Hub:
    """One thing that at least two accounts of a campaign share."""

    kind: str
    token: int
    n_accounts: int
    n_log_accounts: int
    lift: float | None = None

    @property
    def concentration(self) -> float:
        """Share of its users in the whole log that are in the campaign, 0…1."""
        return self.n_accounts / max(self.n_log_accounts, 1)


@dataclass(frozen=True, slots=True)
class Node:
    """A circle: accounts of one membership that are tied to the same drawn hubs."""

    membership: str
    accounts: tuple[int, ...]
    hubs: tuple[int, ...]
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A drawn hub; `hub` is its place in the list of hubs, `common` says that most accounts are tied to it."""

    hub: int
    x: float
    y: float
    radius: float
    common: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Circles, hubs and lines; `lines` are (node, mark) places."""

    nodes: tuple[Node, ...]
    marks: tuple[Mark, ...]
    lines: tuple[tuple[int, int], ...]
    n_left_out: int


def hubs_worth_drawing(hubs: Sequence[Hub], room: int) -> list[int]:
    """
    Places of at most `room` hubs that tell something: recipes, and what is rare outside the campaign.

    Kinds take turns, each with its most shared hub first, so that a hundred recipes do not hide the one card behind them.
    """
    queues = []
    for kind in KINDS:
        fitting = [i for i, h in enumerate(hubs) if h.kind == kind and (kind == "recipe" or h.concentration >= CONCENTRATED)]
        queues.append(sorted(fitting, key=lambda i: (-hubs[i].n_accounts, hubs[i].token))[: MAX_DRAWN_HUBS[kind]])
    turns = [hub for turn in zip_longest(*queues) for hub in turn if hub is not None]
    return sorted(turns[:room], key=lambda i: (KINDS.index(hubs[i].kind), -hubs[i].n_accounts, hubs[i].token))


def picture(hubs: Sequence[Hub], uses: Sequence[tuple[int, int]], memberships: Sequence[str], budget: int) -> Picture:
    """
    Draw accounts and what they share.

    One account is one circle while `budget` allows; else accounts of one membership that are tied to the same hubs become
    one circle, whose area is their number, and the rarest combinations are left to the table. Deterministic; cost about n² of
    the circles drawn, linear in accounts.

    Args:
        uses: (account, hub) places.
        memberships: One word an account.
        budget: Most circles and hubs together.
    """
    drawn = hubs_worth_drawing(hubs, budget // 4)
    ties: list[list[int]] = [[] for _ in memberships]
    where = {hub: mark for mark, hub in enumerate(drawn)}
    for account, hub in uses:
        if hub in where:
            ties[account].append(where[hub])
    groups = _groups(ties, memberships, budget - len(drawn))
    kept = groups[: budget - len(drawn)]
    n_left_out = len(memberships) - sum(len(accounts) for _, accounts in kept)
    return _placed(hubs, drawn, kept, n_left_out)


Grouped = tuple[tuple[str, tuple[int, ...]], tuple[int, ...]]


def _groups(ties: Sequence[Sequence[int]], memberships: Sequence[str], room: int) -> list[Grouped]:
    alike: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for account, marks in enumerate(ties):
        alike[memberships[account], tuple(sorted(set(marks)))].append(account)
    if len(memberships) <= room:
        return sorted(((key, (a,)) for key, accounts in alike.items() for a in accounts), key=lambda g: g[1])
    return sorted(((k, tuple(a)) for k, a in alike.items()), key=lambda g: (-len(g[1]), g[1]))


def _placed(hubs: Sequence[Hub], drawn: Sequence[int], groups: Sequence[Grouped], n_left_out: int) -> Picture:
    if not groups:
        return Picture((), (), (), n_left_out)
    lines = [(node, mark) for node, ((_, marks), _) in enumerate(groups) for mark in marks]
    n_accounts = sum(len(accounts) for _, accounts in groups) + n_left_out
    common = {mark for mark, hub in enumerate(drawn) if hubs[hub].n_accounts > COMMON * n_accounts}
    shaping = [mark for mark in range(len(drawn)) if mark not in common]
    node_radius = np.array([_radius(len(accounts)) for _, accounts in groups], dtype=np.float64)
    mark_radius = np.array([6.0 + 2.2 * np.log10(hubs[h].n_accounts) for h in drawn], dtype=np.float64)
    spots = _spots(groups, shaping, lines, np.concatenate([node_radius, mark_radius[shaping]]), bool(common))
    nodes = tuple(
        Node(membership, accounts, tuple(drawn[t] for t in marks), x, y, float(round(node_radius[i], 1)))
        for i, (((membership, marks), accounts), (x, y)) in enumerate(zip(groups, spots, strict=False))
    )
    gap = min(40.0, (HEIGHT - 80.0) / max(len(common), 1))
    place = dict(zip(shaping, spots[len(groups) :], strict=True)) | {
        mark: (SHELF / 2 - 6.0, round(40.0 + gap * i, 1)) for i, mark in enumerate(sorted(common))
    }
    marks = tuple(Mark(h, *place[m], float(round(mark_radius[m], 1)), m in common) for m, h in enumerate(drawn))
    return Picture(nodes, marks, tuple(lines), n_left_out)


def _spots(
    groups: Sequence[Grouped],
    shaping: Sequence[int],
    lines: Sequence[tuple[int, int]],
    radius: NDArray[np.float64],
    shelf: bool,
) -> list[tuple[float, float]]:
    n, m = len(groups), len(shaping)
    rank = {mark: i for i, mark in enumerate(shaping)}
    kept = [(node, rank[mark]) for node, mark in lines if mark in rank]
    degree = Counter(mark for _, mark in kept)
    edges = np.array([(node, n + mark) for node, mark in kept], dtype=np.int64).reshape(-1, 2)
    weights = np.array([degree[mark] ** -0.25 for _, mark in kept], dtype=np.float64)
    tied: list[list[int]] = [[] for _ in groups]
    for node, mark in kept:
        tied[node].append(mark)
    left = SHELF if shelf else 0.0
    placed = layout.fit(layout.packed(edges, weights, radius, _start(tied, n, m)), radius, WIDTH - left, HEIGHT, MARGIN)
    return [(round(float(x) + left, 1), round(float(y), 1)) for x, y in placed]


def _radius(n_accounts: int) -> float:
    return float(min(4.2 * np.sqrt(n_accounts), 4.2 + 4.5 * np.log2(n_accounts)) if n_accounts > 1 else 4.2)


def _start(tied: Sequence[Sequence[int]], n: int, m: int) -> layout.Points:
    start = layout.spiral(n + m)
    hubs_at = layout.spiral(m)[::-1] * 0.8
    start[n:] = hubs_at
    for i, marks in enumerate(tied):
        if marks:
            start[i] = hubs_at[list(marks)].mean(axis=0) + start[i] * 0.15
    return start


def threads(picture: Picture) -> list[str]:
    """For each drawn hub, the path of the lines to its circles."""
    paths = [""] * len(picture.marks)
    for node, mark in picture.lines:
        a, b = picture.nodes[node], picture.marks[mark]
        paths[mark] += f"M{b.x:g} {b.y:g}L{a.x:g} {a.y:g}"
    return paths
