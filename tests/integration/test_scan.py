"""The whole pipeline on a small world: what it leaves, and that nothing but the log, the settings and the key moves it."""

import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import evidence, ingest, pipeline, signatures, worlds
from stillwatch.engine import parts
from stillwatch.errors import EngineError, LogFormatError, SettingsError
from stillwatch.privacy import Key, pseudonym
from stillwatch.records import tables
from stillwatch.records.campaign import published_schema
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.shapes.hydra import Hydra

SEED = 11
KEY = b"a key for tests, not a secret..."


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> worlds.WorldReport:
    """The look-alikes of the small world and one campaign of sixty accounts at half cover: some eight thousand exchanges."""
    small = worlds.preset("small")
    parts_ = {name: part for name, part in small.parts.items() if not part.campaign}
    fleet = Hydra(accounts=60, exchanges=2400, days=6.0, cover=0.5, infra_reuse=0.6)
    return worlds.build(replace(small, parts={**parts_, "hydra": fleet}), SEED, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Default settings with the test's key, in one process."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(KEY)
    return with_changes(Settings(), privacy={"key_file": key}, engine={"workers": 1, "memory_gb": 1.0})


@pytest.fixture(scope="module")
def scanned(world: worlds.WorldReport, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> pipeline.Outcome:
    """The world, scanned once."""
    return pipeline.scan([str(world.log)], tmp_path_factory.mktemp("out") / "results", settings)


def test_the_planted_campaign_is_found_and_nobody_else(world: worlds.WorldReport, scanned: pipeline.Outcome) -> None:
    """Every planted campaign is likely, no campaign is false, and no benign account is at core."""
    found = [worlds.Found(c.campaign_id, c.verdict, False) for c in scanned.document.campaigns]

    graded = worlds.grade(world.truth, scanned.folder, found)

    assert graded.planted
    assert all(graded.planted.values())
    assert graded.false_campaigns == ()
    assert graded.core_precision.value == 1.0
    assert scanned.worst == "likely"


def test_the_document_is_what_the_schema_says(scanned: pipeline.Outcome) -> None:
    """`campaigns.json` satisfies the published schema, and its counts are those of the tables beside it."""
    raw = (scanned.folder / "campaigns.json").read_bytes()

    jsonschema.Draft202012Validator(orjson.loads(published_schema())).validate(orjson.loads(raw))

    accounts = pq.read_table(scanned.folder / "accounts.parquet")
    for campaign in scanned.document.campaigns:
        mine = [
            m
            for c, m in zip(accounts["campaign_id"].to_pylist(), accounts["membership"].to_pylist(), strict=True)
            if c == campaign.campaign_id
        ]
        assert mine.count("core") == campaign.members.core


def test_the_same_log_gives_the_same_bytes(
    world: worlds.WorldReport, scanned: pipeline.Outcome, settings: Settings, tmp_path: Path
) -> None:
    """Two workers, another memory limit and other splits move no byte of any result."""
    wide = with_changes(settings, engine={"workers": 2, "memory_gb": 2.0})

    pipeline.scan([str(world.log)], tmp_path / "again", wide)

    for name in ("campaigns.json", "accounts.parquet", "exchanges.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (scanned.folder / name).read_bytes(), name


def test_a_signed_table_gives_the_same_campaigns(
    world: worlds.WorldReport, scanned: pipeline.Outcome, settings: Settings, tmp_path: Path
) -> None:
    """Scanning keyed signatures without text finds the same campaigns, evidence and accounts; only wording and columns differ."""
    source = ingest.discover([str(world.log)], settings.ingest)
    signed = [
        signatures.sign(piece.exchanges, (split.number << 32) | piece.first_index, Key(KEY))
        for split in source.splits
        for piece in ingest.read(split, settings.ingest)
    ]
    parts.write_file(tmp_path / "signed.parquet", pa.concat_tables(signed))

    again = pipeline.scan([str(tmp_path / "signed.parquet")], tmp_path / "t1", settings)

    assert again.document.coverage.tier == "T1"
    for mine, theirs in zip(again.document.campaigns, scanned.document.campaigns, strict=True):
        worded = tuple(replace(r, sketch=None) for r in theirs.recipes)
        assert mine == replace(theirs, recipes=worded)
    names = dict(
        zip(
            *(
                pq.read_table(parts.folder(scanned.folder / "store", tables.ACCOUNTS))[c].to_pylist()
                for c in ("account_id", "account")
            ),
            strict=True,
        )
    )
    by_text, by_signature = (
        pq.read_table(f / "accounts.parquet")["account_id"].to_pylist() for f in (scanned.folder, tmp_path / "t1")
    )
    assert [pseudonym(names[a]) for a in by_text] == by_signature


def test_another_key_finds_the_same_accounts(
    world: worlds.WorldReport, scanned: pipeline.Outcome, settings: Settings, tmp_path: Path
) -> None:
    """The key changes every digest and campaign id, and not who is found."""
    other = tmp_path / "key"
    other.write_bytes(b"another key for tests, no secret")

    again = pipeline.scan([str(world.log)], tmp_path / "out", with_changes(settings, privacy={"key_file": other}))

    core = [
        {a for a, m in zip(t["account_id"].to_pylist(), t["membership"].to_pylist(), strict=True) if m == "core"}
        for t in (pq.read_table(f / "accounts.parquet") for f in (scanned.folder, again.folder))
    ]
    assert len(core[0] & core[1]) >= 0.9 * max(len(core[0]), len(core[1]))
    assert scanned.document.key_id != again.document.key_id


def test_every_published_figure_is_recomputed(scanned: pipeline.Outcome, tmp_path: Path) -> None:
    """`verify` finds no difference in what a scan left, and names what somebody changed afterwards."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, differences = pipeline.verify(scanned.folder, tmp_path / "a")
    changed = tmp_path / "changed"
    shutil.copytree(scanned.folder, changed)
    raw = orjson.loads((changed / "campaigns.json").read_bytes())
    raw["campaigns"][0]["p_value"] = 0.5
    (changed / "campaigns.json").write_bytes(orjson.dumps(raw))

    _, found = pipeline.verify(changed, tmp_path / "b")

    assert differences == ()
    assert [d.where for d in found] == ["campaigns.json: campaigns[0]: p_value"]
    assert found[0].published == "0.5"


def test_no_text_stays_in_the_store(world: worlds.WorldReport, scanned: pipeline.Outcome) -> None:
    """No eight words of any prompt in a row are in any stored table, and none outside the redacted wording in the document."""
    prompts = pq.read_table(world.log, columns=["prompt"])["prompt"].to_pylist()
    grams = {
        " ".join(words[i : i + 8]) for p in prompts[:400] for words in [p.split()] for i in range(0, max(len(words) - 7, 0), 8)
    }
    stored = [t for t in tables.ALL if (scanned.folder / "store" / t.name).exists()]

    text = "\n".join(
        str(v) for spec in stored for f in parts.part_files(scanned.folder / "store", spec) for v in pq.read_table(f).to_pylist()
    )
    recipes_unsaid = [replace(c, recipes=tuple(replace(r, sketch=None) for r in c.recipes)) for c in scanned.document.campaigns]
    text += replace(scanned.document, campaigns=tuple(recipes_unsaid)).to_json().decode()

    assert len(grams) > 100
    assert not [g for g in grams if g in text]


class LostError(EngineError):
    """The machine goes down."""


def test_an_interrupted_run_goes_on(
    world: worlds.WorldReport, scanned: pipeline.Outcome, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run lost at a late stage resumes after the last finished one, reads the log no second time, and leaves the same bytes."""

    def lost(*_: object) -> None:
        raise LostError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(evidence, "weigh", lost)
        with pytest.raises(LostError):
            pipeline.scan([str(world.log)], tmp_path / "out", settings)
    assert not (tmp_path / "out" / "campaigns.json").exists()
    for left in ("report.html.1.tmp", "store/stages.json.1.tmp", "store/evidence/part-000000.parquet.1.tmp"):
        (tmp_path / "out" / left).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / left).write_bytes(b"half")  # as a killed process leaves it

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_read", lost)
        pipeline.scan([str(world.log)], tmp_path / "out", settings, resume=True)

    assert (tmp_path / "out" / "campaigns.json").read_bytes() == (scanned.folder / "campaigns.json").read_bytes()
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_duplicates_and_bad_lines_are_counted_and_kept_aside(
    world: worlds.WorldReport, settings: Settings, tmp_path: Path
) -> None:
    """An exchange delivered twice counts once; a line that is none is in the quarantine file with its place and reason."""
    rows = pq.read_table(world.log).slice(0, 50).to_pylist()
    lines = [orjson.dumps({k: v for k, v in r.items() if v is not None}) for r in rows]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join([*lines, b'{"broken', lines[3], lines[4], b""]))

    outcome = pipeline.scan([str(tmp_path / "log.jsonl")], tmp_path / "out", settings)

    told = outcome.document.coverage
    assert (outcome.document.n_exchanges, told.n_duplicates, told.n_bad_lines, told.n_lines) == (50, 2, 1, 53)
    (bad,) = [orjson.loads(line) for line in (tmp_path / "out" / "quarantine.ndjson").read_bytes().splitlines()]
    assert (bad["line"], bad["raw"]) == (51, '{"broken')
    assert outcome.worst is None


def test_a_foreign_folder_is_not_written_to(world: worlds.WorldReport, settings: Settings, tmp_path: Path) -> None:
    """A folder that holds somebody else's files is refused; one of ours is written anew."""
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(SettingsError, match="is not empty and no results folder"):
        pipeline.scan([str(world.log)], tmp_path, settings)

    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_log_of_bad_lines_alone_is_no_log(settings: Settings, tmp_path: Path) -> None:
    """Where no line can be read, the run ends with a sentence, and leaves no results."""
    good = {"exchange_id": "e", "seen_at": "2026-09-01T00:00:00Z", "account_id": "a", "model": "m", "prompt": "p"}
    (tmp_path / "log.jsonl").write_bytes(orjson.dumps({**good, "seen_at": "never"}) + b"\n")

    with pytest.raises(LogFormatError):
        pipeline.scan([str(tmp_path / "log.jsonl")], tmp_path / "out", settings)

    assert not (tmp_path / "out" / "campaigns.json").exists()


def test_verify_needs_a_results_folder(tmp_path: Path) -> None:
    """A folder without results is told as such."""
    with pytest.raises(LogFormatError, match="is no results folder"):
        pipeline.verify(tmp_path, tmp_path)
