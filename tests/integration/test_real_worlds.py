"""Worlds from the shared corpora and traces."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.planting import a_library
from tests.telling import BAND, auc, both, features, numbered

from stillwatch.worlds import SHAPES, World, build, corpora
from stillwatch.worlds.build import digest
from stillwatch.worlds.corpus_library import CorpusLibrary, prepared
from stillwatch.worlds.draft import Part
from stillwatch.worlds.look_alikes.app import App
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.eval_harness import EvalHarness
from stillwatch.worlds.look_alikes.framework import Framework
from stillwatch.worlds.shapes.elicitation import Elicitation
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.split import Split

DATA = Path(os.environ.get("STILLWATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.data,
    pytest.mark.nightly,
    pytest.mark.skipif(not (DATA / "prompts").exists(), reason="the shared corpora are not there: set STILLWATCH_DATA"),
]
WORLD = World(
    "real",
    {
        "people": ChatUsers(300, 5_000),
        "framework": Framework(60, 900),
        "app": App(30, 400),
        "eval": EvalHarness(10, 600),
        "hydra": Hydra(60, 1_200, templates=10),
        "assembled": Hydra(60, 1_200, templates=0),
        "split": Split(60, 1_200),
        "steps": Elicitation(40, 600, paraphrases=0),
    },
)


@pytest.fixture(scope="module")
def halves() -> dict[str, corpora.Corpora]:
    """Both halves of the shared corpora."""
    return {half: corpora.load(DATA, half) for half in ("A", "B")}


def long_texts(known: corpora.Corpora) -> set[str]:
    """Everything of 40 characters and more that a world may take."""
    arrays = [known.conversations.texts.prompts, known.utterances, known.passed_on, known.agent_instructions]
    arrays += [known.pipeline_instructions, *(t.prompts for t in (*known.benchmarks, *known.batches, *known.plain))]
    arrays += [t.prompts for ts in known.assembled.values() for t in ts]
    return {text for array in arrays for text in array.to_pylist() if len(text) >= 40}


def test_halves_of_people_and_harvests_share_no_longer_text(halves: dict[str, corpora.Corpora]) -> None:
    """What is fitted on one half is not seen on the other."""
    a, b = (long_texts(halves[half]) for half in ("A", "B"))

    assert min(len(a), len(b)) > 30_000
    assert len(a & b) < 0.005 * min(len(a), len(b))  # the same question in two evaluation sets


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.kind)
def test_artefacts_tell_nothing_in_real_text_either(shape: type[Part]) -> None:
    """Style apart: published instructions end in a full stop more often than people's turns do, and that is real."""
    library = CorpusLibrary(prepared(DATA, None), a_library(11), 11)
    table, planted = both(shape, library)

    found = auc(features(table, style=False), planted, numbered(table))

    assert abs(found - 0.5) < BAND, f"AUC {found:.3f}"


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Also from real text and real rhythms."""
    logs = [build(WORLD, 5, tmp_path / name, DATA, traces=DATA / "traces").log for name in ("a", "b")]

    assert digest(logs[0]) == digest(logs[1])


def test_no_harvested_prompt_is_dealt_twice(tmp_path: Path) -> None:
    """Within and across the campaigns of a world; all of it is as it was published."""
    report = build(WORLD, 6, tmp_path, DATA, traces=DATA / "traces")
    log = pq.read_table(report.log, columns=["prompt", "system_prompt"]).to_pylist()
    truth = pq.read_table(report.truth / "exchanges.parquet").to_pylist()
    sent = [(t["campaign"], r["system_prompt"], r["prompt"]) for r, t in zip(log, truth, strict=True) if t["harvested"]]

    assert len(sent) == len(set(sent)) == report.n_harvested == 2_100
    assert len({p for c, _, p in sent if c == "split"} & {p.split("\n\n", 1)[1] for c, _, p in sent if c == "hydra"}) == 0
