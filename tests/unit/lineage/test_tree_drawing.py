"""A forest drawn."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from stillwatch.lineage.sketch import Sketch
from stillwatch.lineage.tree import Edge, Forest
from stillwatch.lineage.tree_drawing import dot, places, plain, svg

LONG = "a-checkpoint-with-a-name-that-no-box-could-hold"


def named(name: str) -> Sketch:
    """A sketch of nothing."""
    nothing = np.zeros((1, 1), dtype=np.float32)
    return Sketch(name, Path(name), "attention, dense", (1, 1), nothing, nothing, 10, 0.0, 16.0, 5, 3.0)


FOREST = Forest(
    tuple(named(name) for name in ("root", 'say "hi" <b>', LONG, "alone")),
    (Edge("root", 'say "hi" <b>', True, -40.0, 0.1, ("reason",)), Edge("root", LONG, False, -2.5, 0.9, ())),
    (("root", 2), ("alone", 0)),
    (("broken", "truncated"),),
    6,
    3,
)


def test_parents_stand_in_the_middle_of_their_children() -> None:
    """
    Leaves fill rows from the top, families follow each other.
    """
    assert {spot.name: (spot.row, spot.depth) for spot in places(FOREST)} == {
        'say "hi" <b>': (0.0, 1),
        LONG: (1.0, 1),
        "root": (0.5, 0),
        "alone": (2.0, 0),
    }


def test_graphviz_text_quotes_names_and_tells_edges_apart() -> None:
    """
    Quotes are escaped, the calibrated edge is dashed, small p-values are printed with their model.
    """
    drawn = dot(FOREST)

    assert '"root" -> "say \\"hi\\" <b>" [label="exact, p < 1e-12 (log10 = -40 under the stated model)", style=solid];' in drawn
    assert f'"root" -> "{LONG}" [label="calibrated, p 0.0032", style=dashed];' in drawn
    assert drawn.startswith("digraph lineage {")


def test_the_picture_is_well_formed_and_escapes_names() -> None:
    """
    Any name is text, never markup; long ones are cut in the box and whole in the tooltip.
    """
    drawn = svg(FOREST)

    root = ElementTree.fromstring(drawn)
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert 'say "hi" <b>say "hi" <b>' in texts
    assert any(text.startswith(LONG[:31] + "…") for text in texts)
    assert drawn.count("stroke-dasharray") == 1
    assert "4 checkpoints in 2 families" in drawn


def test_plain_values_are_json() -> None:
    """
    Everything a reader of JSON needs, and no arrays.
    """
    told = json.loads(json.dumps(plain(FOREST)))

    assert told["roots"] == [{"name": "root", "n_descendants": 2}, {"name": "alone", "n_descendants": 0}]
    assert told["edges"][0]["advice"] == ["reason"]
    assert told["unreadable"] == [{"name": "broken", "reason": "truncated"}]
    assert len(told["checkpoints"]) == 4
