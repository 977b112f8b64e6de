"""The page of a folder's families."""

from pathlib import Path

import numpy as np

from stillwatch.lineage.sketch import Sketch
from stillwatch.lineage.tree import Edge, Forest
from stillwatch.report.lineage_tree import render


def named(name: str) -> Sketch:
    """A sketch of nothing."""
    nothing = np.zeros((1, 1), dtype=np.float32)
    return Sketch(name, Path(name), "attention, dense", (1, 1), nothing, nothing, 1_234_567, 0.25, 4.5, 5, 3.0)


def test_the_page_tells_the_forest_and_escapes_names() -> None:
    """
    Picture, tables and what could not be read; a name is never markup; nothing is loaded from anywhere.
    """
    evil = "<script>alert(1)</script>\u202e"
    forest = Forest(
        (named("root"), named(evil)), (Edge("root", evil, True, -40.0, 0.1, ("why",)),), (("root", 1),), (("x", "bad"),), 1, 1
    )

    page = render(forest)

    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert (
        "p &lt; 1e-12 (log10 = -40 under the stated model)" in page or "&lt; 1e-12 (log10 = -40 under the stated model)" in page
    )
    assert "1,234,567" in page
    assert "default-src 'none'" in page or "default-src &#39;none&#39;" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<li><bdi>x</bdi>: bad</li>" in page


def test_a_folder_of_which_nothing_could_be_read_has_a_page() -> None:
    """
    No picture, but the reasons.
    """
    page = render(Forest((), (), (), (("x", "bad"),), 0, 0))

    assert "<svg" not in page
    assert "0 checkpoints" in page
