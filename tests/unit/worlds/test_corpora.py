"""Real text from a folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.planting import a_source

from stillwatch.errors import SettingsError
from stillwatch.worlds.corpora import Corpora, load, side


def all_texts(known: Corpora) -> set[str]:
    """Every text of some length that a world may take from this corpus."""
    arrays = [known.conversations.texts.prompts, known.passed_on, known.agent_instructions, known.pipeline_instructions]
    arrays += [t.prompts for t in (*known.benchmarks, *known.batches, *known.plain)]
    arrays += [t.prompts for ts in known.assembled.values() for t in ts]
    return {text for a in arrays for text in a.to_pylist()} | set(known.utterances.to_pylist())


def test_sources_are_sorted_by_what_they_hold(corpus_folder: Path) -> None:
    """By kind, length, task and how prompts begin; never by name."""
    known = load(corpus_folder)

    assert (len(known.conversations), len(known.conversations.texts)) == (120, 300)
    assert (len(known.utterances), len(known.passed_on)) == (40, 12)
    assert [b.name for b in known.benchmarks] == ["quiz/quiz:a"]
    assert sorted(b.name for b in known.batches) == ["jobs/batch:sort", "more/batch:sum"]
    assert sorted(s.name for s in known.plain) == ["open", "open2"]
    assert {k: [s.name for s in v] for k, v in known.assembled.items()} == {
        "templated": ["framed"],
        "reasoning": ["steps"],
        "rubric": ["marks"],
    }
    assert (len(known.agent_instructions), len(known.pipeline_instructions)) == (6, 6)


def test_conversations_keep_their_turns_together(corpus_folder: Path) -> None:
    """In order, each from its own first row on."""
    known = load(corpus_folder).conversations
    prompts = known.texts.prompts.to_pylist()

    for i in range(len(known)):
        turns = prompts[known.starts[i] : known.starts[i + 1]]
        assert [p.rsplit("turn ", 1)[1] for p in turns] == [str(t) for t in range(len(turns))]
        assert len({p.split("Zanz")[1][:2] for p in turns}) == 1


def test_halves_share_no_text(corpus_folder: Path) -> None:
    """And together they hold nearly all of it."""
    a, b, whole = (all_texts(load(corpus_folder, half)) for half in ("A", "B", None))

    assert not a & b
    assert a | b == whole
    assert min(len(a), len(b)) > 0.25 * len(whole)


def test_a_conversation_that_repeats_the_other_half_is_in_neither(tmp_path: Path, corpus_folder: Path) -> None:
    """A longer prompt of half A keeps its conversation out of half B."""
    table = pq.read_table(corpus_folder / "prompts/human/talk.parquet")
    rows = table.to_pylist()
    ours = next(r["prompt"] for r in rows if r["turn"] == 0 and side(r["prompt"]) == "A")
    theirs = next(r for r in rows if r["turn"] == 0 and side(r["prompt"]) == "B")
    extra = dict(theirs, turn=9, prompt=ours)
    (tmp_path / "prompts/human").mkdir(parents=True)
    (tmp_path / "prompts/harvest").symlink_to(corpus_folder / "prompts/harvest")
    pq.write_table(table.from_pylist([*rows, extra], schema=table.schema), tmp_path / "prompts/human/talk.parquet")

    assert theirs["prompt"] in load(corpus_folder, "B").conversations.texts.prompts.to_pylist()
    assert theirs["prompt"] not in load(tmp_path, "B").conversations.texts.prompts.to_pylist()


def test_a_folder_without_prompts_is_refused(tmp_path: Path) -> None:
    """The message says where and what to do."""
    with pytest.raises(SettingsError, match=r"no prompts/human.*--corpus"):
        load(tmp_path)


def test_accounts_need_conversations(tmp_path: Path) -> None:
    """A folder with single requests only is refused."""
    a_source(tmp_path, "human", "asks", [{"prompt": "set timer", "task": "timer"}])
    a_source(tmp_path, "harvest", "open", [{"prompt": "x", "task": "t"}])

    with pytest.raises(SettingsError, match="conversation_id"):
        load(tmp_path)


def test_a_source_may_lack_columns_and_small_tasks_go_together(tmp_path: Path) -> None:
    """What is not there is null; tasks of less than 40 prompts make one."""
    a_source(tmp_path, "human", "talk", [{"prompt": "hello", "conversation_id": "a", "turn": 0, "task": "chat"}])
    a_source(tmp_path, "harvest", "open", [{"prompt": "x", "task": "t"}])
    (tmp_path / "prompts/automated").mkdir()
    rows = [{"source": "quiz", "task": f"quiz:{i % 3}", "prompt": f"question {i}"} for i in range(60)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "prompts/automated/quiz.parquet")

    known = load(tmp_path)

    assert [(b.name, len(b)) for b in known.benchmarks] == [("quiz/quiz", 60)]
    assert known.benchmarks[0].systems.null_count == 60


def test_templates_are_halved_by_source(tmp_path: Path) -> None:
    """Of two sources with templates each half has one, whole."""
    a_source(tmp_path, "human", "talk", [{"prompt": f"hello {i}", "conversation_id": str(i), "turn": 0} for i in range(20)])
    for name in ("one", "two"):
        rows = [{"prompt": f"The template of source {name} goes around {i}", "task": "t"} for i in range(30)]
        a_source(tmp_path, "harvest", name, rows)

    sizes = [[(s.name, len(s)) for s in load(tmp_path, half).assembled["templated"]] for half in ("A", "B")]

    assert sorted(sizes[0] + sizes[1]) == [("one", 30), ("two", 30)]
    assert len(sizes[0]) == len(sizes[1]) == 1


def test_there_are_two_halves(corpus_folder: Path) -> None:
    """No third one."""
    with pytest.raises(SettingsError, match="A or B"):
        load(corpus_folder, "C")


def test_a_corpus_may_lack_system_prompts(tmp_path: Path, corpus_folder: Path) -> None:
    """Then there are none."""
    (tmp_path / "prompts").symlink_to(corpus_folder / "prompts")

    assert len(load(tmp_path).agent_instructions) == 0
