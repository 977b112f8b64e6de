"""Where words come from: what every library promises."""

from pathlib import Path

import numpy as np
import pytest
from tests.planting import a_library

from stillwatch.worlds.corpus_library import CorpusLibrary, prepared
from stillwatch.worlds.library import Library

RNG = np.random.default_rng


@pytest.fixture(params=["grammar", "corpus"])
def library(request: pytest.FixtureRequest, corpus_folder: Path) -> Library:
    """Each library in turn."""
    shipped = a_library()
    return shipped if request.param == "grammar" else CorpusLibrary(prepared(corpus_folder, None), shipped, 1)


def test_a_script_has_as_many_lines_as_asked_for(library: Library) -> None:
    """Every account's first line opens a conversation; accounts with nothing to say have none."""
    counts = np.array([7, 0, 30])

    script = library.script(RNG(1), counts, np.full(3, 3.0), np.array([True, True, False]))

    assert len(script.opens) == 37
    assert script.opens[0]
    assert script.opens[7]
    assert script.item is None or len(script.item) == 37


def test_a_pool_is_dealt_once(library: Library) -> None:
    """Two pools of one world have no item in common that the same writer would write."""
    first, second = library.plain(RNG(1), 40), library.plain(RNG(2), 40)

    assert len(np.unique(first.item)) == len(np.unique(second.item)) == 40


@pytest.mark.parametrize("use", ["agent", "app", "pipeline"])
def test_instructions_differ(library: Library, use: str) -> None:
    """As many as asked for, all different, none empty."""
    texts = library.instructions(RNG(1), 5, use, 4.0).to_pylist()

    assert len(set(texts)) == 5
    assert all(texts)


@pytest.mark.parametrize("use", ["assignment", "viral"])
def test_tasks_differ(library: Library, use: str) -> None:
    """As many as asked for, all different."""
    assert len(set(library.tasks(RNG(1), 6, use).to_pylist())) == 6


def test_benchmarks_and_documents_have_distinct_items(library: Library) -> None:
    """Up to the number asked for."""
    assert 0 < len(np.unique(library.benchmark(RNG(1), 30).item)) <= 30
    assert len(np.unique(library.documents(RNG(1), 25, in_system=True).item)) == 25


def test_related_prompts_lie_side_by_side(library: Library) -> None:
    """Every place once; a pool through another writer is the same prompts."""
    pool = library.plain(RNG(1), 30)
    other = pool.through(library.own)

    assert sorted(library.related(pool).tolist()) == list(range(30))
    assert library.related(other).tolist() == library.related(pool).tolist()
    assert other.item is pool.item
    assert other.writer is library.own
