"""The power atlas: its cells, its frontier, and its pictures."""

import runpy
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.quality.atlas import run
from benchmarks.quality.atlas.picture import Panel, contrast, ink, shade, svg
from benchmarks.quality.atlas.report import shares, smallest, together
from benchmarks.quality.atlas.run import Cell

from stillwatch.candidates.planting import SHAPES

DOCS = Path(__file__).parents[3] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def a_cell(accounts: int, requests: int) -> Cell:
    """A place on the size map."""
    return Cell("size", SHAPES[0], accounts, requests, 0.5)


def test_no_place_is_planted_twice() -> None:
    """Every shape and cover has its size map, and each cell of a map is one campaign."""
    cells = run.cells()

    assert len(cells) == len(set(cells))
    assert {(c.shape, c.cover) for c in cells if c.map == "size"} == {(s, c) for s in SHAPES for c in run.COVERS}
    assert {c.recipes for c in cells} == set(run.RECIPES)
    assert {c.reused for c in cells if c.map == "reuse"} == set(run.REUSED)


def test_worlds_count_together() -> None:
    """Seen and planted are summed cell by cell."""
    cell = a_cell(50, 10)
    dials = ["size", SHAPES[0], 50, 10, 0.5, 1, 0.3]

    assert together([{"cells": [[*dials, 1, 2]]}, {"cells": [[*dials, 2, 2]]}]) == {cell: (3, 4)}


def test_the_smallest_is_seen_with_all_larger_ones() -> None:
    """A lucky small campaign is no frontier where a larger one was missed; what could not be planted counts for nothing."""
    told = {
        a_cell(20, 10): (6, 6),
        a_cell(20, 50): (2, 6),
        a_cell(50, 10): (5, 6),
        a_cell(50, 50): (6, 6),
        a_cell(400, 50): (0, 0),
    }

    assert smallest(told, SHAPES[0], 0.5) == a_cell(50, 10)
    assert smallest(told, SHAPES[1], 0.5) is None
    assert smallest({a_cell(50, 10): (4, 6)}, SHAPES[0], 0.5) is None


def test_what_was_not_planted_has_no_share() -> None:
    """None, and not nought: nobody looked."""
    told = {a_cell(20, 10): (1, 4), a_cell(50, 10): (0, 0)}

    assert shares(told, [[a_cell(20, 10), a_cell(50, 10), a_cell(100, 10)]]) == [[0.25, None, None]]


def test_every_shade_can_be_read() -> None:
    """Numbers have at least 4.5 : 1 against their cell, and darker is always more."""
    grounds = [shade(n / 100) for n in range(101)]
    inks = {"#000000": (0, 0, 0), "#ffffff": (255, 255, 255)}

    assert min(contrast(g, inks[ink(g)]) for g in grounds) >= 4.5
    light = [contrast(g, (255, 255, 255)) for g in grounds]
    assert light == sorted(light)


def test_a_picture_says_in_words_what_it_shows() -> None:
    """It has a title and a description, every label, and the number of every cell; hostile words stay words."""
    panel = Panel("cover <50%>", "accounts", "requests", ("20", "50"), ("3", "5"), [[0.0, None], [0.5, 1.0]])

    drawn = svg("Size & cover", "Per cent seen.", [panel, panel])

    root = ElementTree.fromstring(drawn)
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title description"
    assert [root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")] == ["Size & cover", "Per cent seen."]
    assert words.count("cover <50%>") == 2
    assert [words.count(told) for told in ("0", "–", "50", "100")] == [2, 2, 4, 2]


def test_the_stored_pictures_are_those_that_were_measured() -> None:
    """Each follows from the newest results, none is left over; if not: make docs."""
    generator = runpy.run_path(str(DOCS / "generate_atlas.py"))

    stored = {path.name: path.read_text("utf-8") for path in generator["PICTURES"].iterdir()}

    assert stored == generator["pictures"]()
