"""The lineage report: one file, offline, in which a stranger's string is inert."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.lineages import a_lineage

from stillwatch.errors import LineageError
from stillwatch.records.lineage import LineageDocument
from stillwatch.report.lineage import render, write


@pytest.fixture
def document() -> LineageDocument:
    """Two bases, all five verdicts."""
    return a_lineage()


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a page could load, and its anchors."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "action", "data", "srcset", "xlink:href"} and value:
                (self.targets if value.startswith("#") else self.sources).append(value)
            if name == "id" and value:
                self.ids.append(value)


def test_the_page_loads_nothing_and_runs_nothing(document: LineageDocument) -> None:
    """No script, no address but a data icon, a policy that forbids the rest; hostile strings are text."""
    page = render(document)
    seen = _Tags()
    seen.feed(page)

    assert "script" not in seen.tags
    assert seen.sources == ["data:,"]
    assert "default-src &#39;none&#39;" in page
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_every_link_has_its_place_and_every_result_its_pictures(document: LineageDocument) -> None:
    """Anchors exist once each; three pictures a result, the empty one left out."""
    seen = _Tags()
    seen.feed(render(document))

    assert {t[1:] for t in seen.targets} <= set(seen.ids)
    assert len(set(seen.ids)) == len(seen.ids)
    assert seen.tags.count("svg") == 3 * len(document.results)


def test_words_and_numbers_are_those_of_the_document(document: LineageDocument) -> None:
    """Verdicts, tiny p-values in words, skipped tests with reasons, parts beyond the limit counted."""
    page = render(document)

    assert "Not independent of base A" in page
    assert "&lt; 1e-12 (log10 = -16904 under the stated model)" in page
    assert "no weights" in page
    assert "100 further rows" in page
    assert "ab" * 32 in page


@pytest.mark.parametrize(
    ("keep", "title"),
    [(1, "Closer to base A than strangers are"), (2, "No descent shown")],
)
def test_the_title_says_no_more_than_the_verdicts(document: LineageDocument, keep: int, title: str) -> None:
    """Calibrated is not exact, and compatible is nothing."""
    assert title in render(replace(document, results=document.results[keep:]))


def test_a_run_without_results_is_a_page_too(document: LineageDocument) -> None:
    """It says that nothing could be run."""
    page = render(replace(document, results=(), skipped=()))

    assert "No test could be run" in page
    assert "Every test that Stillwatch has was run" in page


def test_the_page_is_written_whole_or_not_at_all(document: LineageDocument, tmp_path: Path) -> None:
    """A target that cannot be written is an error, and leaves nothing behind."""
    target = write(document, tmp_path / "lineage.html")

    assert re.match(r"<!doctype html>", target.read_text().lstrip())
    (tmp_path / "folder").mkdir()
    with pytest.raises(LineageError, match="cannot be written"):
        write(document, tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "lineage.html"]
