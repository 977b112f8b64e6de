"""The library of real text."""

from pathlib import Path

import numpy as np
import pytest
from tests.planting import a_library, a_source, some_people

from stillwatch.errors import SettingsError
from stillwatch.worlds.build import grammar
from stillwatch.worlds.corpus_library import CorpusLibrary, prepared
from stillwatch.worlds.library import Pool
from stillwatch.worlds.skins import row_and_skin
from stillwatch.worlds.writing import Rows

RNG = np.random.default_rng


@pytest.fixture
def library(corpus_folder: Path) -> CorpusLibrary:
    """A fresh library: nothing is dealt yet."""
    return CorpusLibrary(prepared(corpus_folder, None), a_library(), 1)


def texts(pool: Pool) -> list[str]:
    """The prompts of a pool."""
    n = len(pool.item)
    rows = Rows(np.zeros(n, np.int64), pool.item, pool.item, np.zeros(n, np.int64))
    out: list[str] = pool.writer.write(grammar(), some_people(1), rows).prompt.to_pylist()
    return out


def a_script(library: CorpusLibrary, counts: list[int], one: bool = True) -> list[list[str]]:
    """What accounts would say, one list an account."""
    n = sum(counts)
    script = library.script(RNG(1), np.array(counts), np.ones(len(counts)), np.full(len(counts), one))
    assert script.item is not None
    rows = Rows(np.zeros(n, np.int64), script.item, np.arange(n, dtype=np.uint64), np.zeros(n, np.int64))
    said = library.own.write(grammar(), some_people(1), rows).prompt.to_pylist()
    ends = np.cumsum(counts)
    return [said[e - c : e] for e, c in zip(ends, counts, strict=True)]


def test_conversations_are_dealt_whole(library: CorpusLibrary) -> None:
    """An account that wants as much as there is gets every turn of its conversations, in order."""
    counts = np.full(6, 15)
    script = library.script(RNG(1), counts, np.ones(6), np.ones(6, np.bool_))
    assert script.item is not None
    row, skin = row_and_skin(script.item)

    assert (row[1:][~script.opens[1:]] == row[:-1][~script.opens[1:]] + 1).all()
    assert (skin[1:][~script.opens[1:]] == skin[:-1][~script.opens[1:]]).all()


def test_no_turn_is_dealt_twice_before_all_were(library: CorpusLibrary) -> None:
    """And afterwards it comes in another skin."""
    said = [t for account in a_script(library, [20] * 30) for t in account]

    assert len(set(said)) == 600
    assert library.passes == pytest.approx(600 / 300)


def test_an_account_keeps_to_what_is_related(library: CorpusLibrary) -> None:
    """One customer's account has few topics, a reseller's has many."""
    one = [len({t.split()[3] for t in said}) for said in a_script(library, [12] * 10)]
    many = [len({t.split()[3] for t in said}) for said in a_script(library, [12] * 5, one=False)]

    assert np.mean(one) < np.mean(many)


def test_earlier_turns_lie_before(library: CorpusLibrary) -> None:
    """In the same skin."""
    item = np.array([(3 << 32) | 50], np.uint64)

    assert row_and_skin(library.earlier(item, item, np.array([4]), np.array([1]))) == (np.array([47]), np.array([3]))


def test_plain_pools_come_from_one_source_where_it_has_enough(library: CorpusLibrary) -> None:
    """And go on where the last one ended; no prompt is dealt twice."""
    first, second = texts(library.plain(RNG(1), 150)), texts(library.plain(RNG(1), 150))

    assert len(set(first) | set(second)) == 300
    assert len({" ways to do " in t for t in first}) == 1


def test_too_large_a_pool_is_refused(library: CorpusLibrary) -> None:
    """The message says how many there are and what to do."""
    with pytest.raises(SettingsError, match=r"only 400 prompts left of the 500.*Lower exchanges"):
        library.plain(RNG(1), 500)


@pytest.mark.parametrize(("want", "begin"), [("templated", "Rewrite"), ("reasoning", "Problem"), ("rubric", "Grade")])
def test_assembled_prompts_are_told_by_what_they_want(library: CorpusLibrary, want: str, begin: str) -> None:
    """None where there are not as many."""
    pool = library.assembled(RNG(1), 50, want)

    assert pool is not None
    assert all(t.startswith(begin) for t in texts(pool))
    assert library.assembled(RNG(1), 50, want) is None


def test_published_instructions_come_before_made_up_ones(library: CorpusLibrary) -> None:
    """Each once in a world; where not as many are left, the grammars help out."""
    first, second = (library.instructions(RNG(1), 3, "agent", 3.0).to_pylist() for _ in range(2))

    assert all(t.startswith("You are agent") for t in first + second)
    assert len(set(first + second)) == 6
    assert not any(t.startswith("You are agent") for t in library.instructions(RNG(1), 1, "agent", 3.0).to_pylist())


def test_another_seed_deals_from_another_place(corpus_folder: Path) -> None:
    """Conversations, pools and instructions differ between worlds, each drawn from the same corpus."""
    one, two = (CorpusLibrary(prepared(corpus_folder, None), a_library(), seed) for seed in (1, 2))

    assert set(a_script(one, [20])[0]) != set(a_script(two, [20])[0])
    assert set(texts(one.plain(RNG(1), 50))) != set(texts(two.plain(RNG(1), 50)))
    assert one.instructions(RNG(1), 3, "agent", 3.0).to_pylist() != two.instructions(RNG(1), 3, "agent", 3.0).to_pylist()


def test_batches_are_real_where_one_is_big_enough(library: CorpusLibrary) -> None:
    """Documents of one published job."""
    assert all(t.startswith("Classify: document") for t in texts(library.documents(RNG(1), 80, True)))


def test_a_larger_batch_is_put_together(library: CorpusLibrary) -> None:
    """One instruction over the documents of several jobs; beyond all of them the grammars help out."""
    several = texts(library.documents(RNG(1), 100, False))
    made_up = texts(library.documents(RNG(1), 500, True))

    assert len({t.split("\n\n")[0] for t in several}) == 1
    assert len(set(several)) == 100
    assert len(set(made_up)) == 500


def test_a_benchmark_may_be_put_together(library: CorpusLibrary) -> None:
    """Where no task has half of what is wanted."""
    assert len(library.benchmark(RNG(1), 60).item) == 60
    assert len(library.benchmark(RNG(1), 500).item) == 60


def test_tasks_of_a_class_are_items_of_a_benchmark(library: CorpusLibrary) -> None:
    """More than any benchmark has are made up."""
    assert all(t.startswith("Question") for t in library.tasks(RNG(1), 5, "assignment").to_pylist())
    assert all("act as" in t for t in library.tasks(RNG(1), 1, "viral").to_pylist())
    assert not any(t.startswith("Question") for t in library.tasks(RNG(1), 100, "assignment").to_pylist())


def test_end_users_keep_to_few_requests(library: CorpusLibrary) -> None:
    """One end user sends the same short requests again."""
    item = np.arange(200, dtype=np.uint64) << np.uint64(24)
    rows = Rows(np.zeros(200, np.int64), item, item, np.zeros(200, np.int64))

    told = library.end_users.write(grammar(), some_people(1), rows)

    assert len(set(told.prompt.to_pylist())) <= 40
    assert told.end_user is not None
    assert len(set(told.end_user.tolist())) == 1


def test_what_a_corpus_lacks_comes_from_the_grammars(tmp_path: Path) -> None:
    """Benchmarks, batches, instructions and end users; accounts then have no system prompts of their own."""
    a_source(tmp_path, "human", "talk", [{"prompt": f"hello {i}", "conversation_id": str(i), "turn": 0} for i in range(20)])
    a_source(tmp_path, "harvest", "open", [{"prompt": f"{i} x", "task": "t"} for i in range(30)])
    shipped = a_library()
    bare = CorpusLibrary(prepared(tmp_path, None), shipped, 1)
    rows = Rows(np.arange(300), np.zeros(300, np.uint64), np.zeros(300, np.uint64), np.zeros(300, np.int64))

    assert len(bare.benchmark(RNG(1), 9).item) == len(bare.documents(RNG(1), 9, True).item) == 9
    assert len(bare.tasks(RNG(1), 2, "viral")) == len(bare.instructions(RNG(1), 2, "app", 3.0)) == 2
    assert bare.end_users is shipped.end_users
    assert bare.own.write(grammar(), some_people(300), rows).system.null_count == 300
