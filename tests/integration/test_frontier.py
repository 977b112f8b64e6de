"""The frontier of a real scan: planted, recomputed, and told."""

import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch import candidates, pipeline, report, worlds
from stillwatch.candidates import planting
from stillwatch.engine.duckdb import DuckDBEngine
from stillwatch.records import tables
from stillwatch.records.campaign import Document
from stillwatch.settings import Settings, with_changes
from stillwatch.worlds.shapes.hydra import Hydra


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Default settings with a key of the tests, in one process."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(b"a key for tests, not a secret...")
    return with_changes(Settings(), privacy={"key_file": key}, engine={"workers": 1, "memory_gb": 1.0})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The look-alikes of the small world and a campaign of sixty accounts: some eight thousand exchanges."""
    small = worlds.preset("small")
    parts = {name: part for name, part in small.parts.items() if not part.campaign}
    fleet = Hydra(accounts=60, exchanges=2400, days=6.0, cover=0.5, infra_reuse=0.6)
    return worlds.build(replace(small, parts={**parts, "hydra": fleet}), 11, tmp_path_factory.mktemp("world")).log


@pytest.fixture(scope="module")
def scanned(log: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> pipeline.Outcome:
    """The log, scanned once."""
    return pipeline.scan([str(log)], tmp_path_factory.mktemp("out") / "results", settings)


def test_the_frontier_is_in_the_document_and_is_recomputed(scanned: pipeline.Outcome, tmp_path: Path) -> None:
    """Every shape that the log's own exchanges suffice for has its points; verify plants again and finds the same figures."""
    points = scanned.document.frontier

    assert {p.shape for p in points} == set(planting.SHAPES)
    assert any(p.n_accounts for p in points)
    assert all((p.n_accounts is None) == (p.requests_per_account is None) for p in points)
    assert all(p.n_seen <= p.n_planted for p in points)
    assert pipeline.verify(scanned.folder, tmp_path)[1] == ()


def test_what_is_planted_stays_out_of_the_results(
    scanned: pipeline.Outcome, log: Path, settings: Settings, tmp_path: Path
) -> None:
    """Without planting the same campaigns, accounts and exchanges come out; only the frontier and the settings' digest differ."""
    without = pipeline.scan([str(log)], tmp_path / "results", with_changes(settings, campaigns={"frontier": False}))

    assert without.document.frontier == ()
    assert replace(without.document, frontier=scanned.document.frontier, settings_digest=scanned.document.settings_digest) == (
        scanned.document
    )
    assert (without.folder / "accounts.parquet").read_bytes() == (scanned.folder / "accounts.parquet").read_bytes()


def test_planted_exchanges_are_the_logs_own(scanned: pipeline.Outcome, tmp_path: Path) -> None:
    """No prompt is dealt twice in one campaign, the words are those of the log, and the same seed gives the same tables."""
    made = []
    with DuckDBEngine(scanned.folder / pipeline.STORE, Settings().engine) as engine:
        window = pipeline.window_of(engine)
        known = set(engine.query("SELECT DISTINCT exact FROM group_exchanges")["exact"].to_pylist())
        for name in ("a", "b"):
            with DuckDBEngine(tmp_path / name, Settings().engine) as scratch:
                planted = candidates.plant(engine, scratch, window, 1)
                made.append(scratch.read(tables.GROUP_EXCHANGES))

    assert planted
    assert made[0].equals(made[1])
    for p in planted:
        mine = made[0].filter(pc.equal(made[0]["group"], p.group))
        exact = mine["exact"].to_pylist()
        assert set(exact) <= known
        if p.shape.startswith("templated"):
            assert len(set(exact)) == len(exact)
            assert len(set(mine["account"].to_pylist())) in ((p.n_accounts,) if p.cover == 0.0 else range(p.n_accounts + 1))


def test_planted_accounts_are_made_and_equipped_as_a_fleets_are(scanned: pipeline.Outcome) -> None:
    """In a batch before the window, or, aged, when the log's accounts were; most on one client that the log knows; fed evenly."""
    wanted = [
        planting.Planted(n, "templated, own infrastructure", 150, 15, 0.0, aged=aged) for n, aged in ((1, False), (2, True))
    ]

    with DuckDBEngine(scanned.folder / pipeline.STORE, Settings().engine) as engine:
        window = pipeline.window_of(engine)
        known = engine.query("SELECT account_created_at AS at, client FROM group_accounts")
        with pipeline.planted_beside(engine, Settings(), window, 1, wanted=wanted) as (scratch, _):
            people = scratch.read(tables.GROUP_ACCOUNTS)
    batch, aged = (people.filter(pc.equal(people["group"], group)) for group in (1, 2))

    dates = batch["account_created_at"].to_pylist()
    assert max(dates) < window.start
    assert timedelta(days=40) < max(dates) - min(dates) <= timedelta(days=60)
    assert set(aged["account_created_at"].to_pylist()) <= set(known["at"].to_pylist())
    assert max(Counter(batch["client"].to_pylist()).values()) > 100
    assert set(batch["client"].to_pylist()) <= set(known["client"].to_pylist())
    assert np.std(np.log(batch["n_exchanges"].to_numpy())) == pytest.approx(0.5, abs=0.1)


def test_what_the_log_does_not_know_of_its_accounts_is_not_known_of_planted_ones(
    log: Path, settings: Settings, tmp_path: Path
) -> None:
    """Without sign-up dates and clients a planted campaign is weighed, and explained, by what is left."""
    bare = tmp_path / "log.parquet"
    pq.write_table(pq.read_table(log).drop_columns(["account_created_at", "client_fingerprint", "system_prompt"]), bare)
    outcome = pipeline.scan([str(bare)], tmp_path / "results", with_changes(settings, campaigns={"frontier": False}))

    with DuckDBEngine(outcome.folder / pipeline.STORE, Settings().engine) as engine:
        window = pipeline.window_of(engine)
        own = set(engine.query("SELECT DISTINCT detector FROM evidence")["detector"].to_pylist())
        with pipeline.planted_beside(engine, settings, window, 1) as (scratch, planted):
            people, said = scratch.read(tables.GROUP_ACCOUNTS), scratch.read(tables.EVIDENCE)

    assert planted
    assert people["account_created_at"].null_count == people["client"].null_count == people.num_rows
    assert set(said["detector"].to_pylist()) == own
    assert not own & {"signups", "client_collisions", "relay"}


def test_a_platform_of_newcomers_holds_planted_accounts_to_its_own_measure(scanned: pipeline.Outcome, tmp_path: Path) -> None:
    """Planted accounts made within two months say less where all accounts are no older."""
    wanted = [planting.Planted(1, "templated, own infrastructure", 150, 15, 0.0)]
    store = tmp_path / "store"
    shutil.copytree(scanned.folder / pipeline.STORE, store)
    bits = []
    for young in (False, True):
        with DuckDBEngine(store, Settings().engine) as engine:
            if young:
                _rejuvenate(engine)
            with pipeline.planted_beside(engine, Settings(), pipeline.window_of(engine), 1, wanted=wanted) as (scratch, _):
                said = scratch.query("SELECT weight_bits AS bits FROM evidence WHERE detector = 'signups'")
                bits += said["bits"].to_pylist()

    assert bits[0] > 3.0 > 0.0 >= bits[1]


def _rejuvenate(engine: DuckDBEngine) -> None:
    """Let every account of the log have signed up in the month before it."""
    signatures = engine.read(tables.SIGNATURES)
    begin = pc.min(signatures["seen_at"]).as_py()
    days = pc.cast(pc.bit_wise_and(signatures["account"], 31), pa.int64())
    at = pa.array([begin - timedelta(days=d) for d in days.to_pylist()], tables.UTC_TIME)
    engine.write(
        tables.SIGNATURES, signatures.set_column(signatures.column_names.index("account_created_at"), "account_created_at", at)
    )


def test_a_campaign_of_many_recipes_shows_less_in_each(scanned: pipeline.Outcome) -> None:
    """Of ten recipes one holds a tenth of the harvest; infrastructure is shared by as many accounts as asked for."""
    shape = "templated, shared infrastructure"
    wanted = [planting.Planted(1, shape, 50, 20, 0.5, reused=0.0), planting.Planted(2, shape, 50, 20, 0.5, 10, 1.0)]

    with DuckDBEngine(scanned.folder / pipeline.STORE, Settings().engine) as engine:
        window = pipeline.window_of(engine)
        with pipeline.planted_beside(engine, Settings(), window, 1, wanted=wanted) as (scratch, planted):
            groups = scratch.read(tables.GROUPS).to_pylist()
            people = scratch.read(tables.GROUP_ACCOUNTS)
    units = [people.filter(pc.equal(people["group"], group))["payment_units"].to_pylist() for group in (1, 2)]

    assert list(planted) == wanted
    assert [g["n_exchanges"] for g in groups] == [500, pytest.approx(50, abs=25)]
    assert [g["n_accounts"] for g in groups] == [len(told) for told in units]
    assert set(units[0]) == {1}
    assert min(units[1]) > 1


def test_an_older_document_is_read_and_a_newer_one_is_told(scanned: pipeline.Outcome, tmp_path: Path) -> None:
    """A document of 1.0 lacks the frontier and is read; the report page tells the frontier of a document that has it."""
    tree = orjson.loads(scanned.document.to_json())
    del tree["frontier"]
    tree["schema_version"] = "1.0"

    assert Document.from_json(orjson.dumps(tree)).frontier == ()
    with DuckDBEngine(scanned.folder / pipeline.STORE, Settings().engine) as engine:
        page = report.write(engine, scanned.document, tmp_path, account_names=False).read_text()
    assert "untemplated, shared infrastructure" in page
