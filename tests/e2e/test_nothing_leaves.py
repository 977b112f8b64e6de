"""Over a simulated world and everything that can be exported: no run of eight words, and no id, stands in any outgoing byte."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.commands import PROGRAM, own_home
from tests.leaks import IDS, Secrets

from stillwatch import worlds
from stillwatch.records.campaign import Document
from stillwatch.sharing.export.blocklist import FORMATS
from stillwatch.sharing.taxii import webhook
from stillwatch.sharing.taxii.objects import Record
from stillwatch.sharing.tokens import group
from stillwatch.sharing.tokens.client import normalise, spell
from stillwatch.sharing.tokens.voprf import Voprf
from stillwatch.worlds.shapes.hydra import Hydra

PRODUCER = "identity--9e57a589-35fa-49a2-8a68-1a5df1a71103"
OTHER = "identity--9e57a589-35fa-49a2-8a68-1a5df1a7ffff"


@dataclass(frozen=True, slots=True)
class Made:
    """A results folder whose campaigns are confirmed, and its bundles."""

    folder: Path
    secrets: Secrets
    bundles: tuple[Path, ...]
    options: dict[str, tuple[str | Path, ...]]

    def said(self, *arguments: str | Path) -> bytes:
        """What a command prints."""
        return said(self.folder, *arguments)

    def file(self, *arguments: str | Path) -> bytes:
        """What a command writes to --out."""
        out = self.folder / "out"
        said(self.folder, *arguments, "--out", out)
        return out.read_bytes()


def said(home: Path, *arguments: str | Path) -> bytes:
    """Run the program; what it prints."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, check=False, env=own_home(home))
    assert done.returncode in (0, 3), done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The small world with one campaign that has templates, contracts and networks of its own; confirmed and exported whole."""
    folder = tmp_path_factory.mktemp("leaving")
    small = worlds.preset("small")
    ordinary = {name: part for name, part in small.parts.items() if not part.campaign}
    fleet = Hydra(accounts=60, exchanges=2400, days=6.0, cover=0.3, recipes=3, contracts=1, infra_reuse=0.6)
    built = worlds.build(replace(small, parts={**ordinary, "hydra": fleet}).sized(6000, None), 11, folder / "world")
    log = pq.read_table(built.log)
    for name in ("epoch", "own"):
        (folder / f"{name}.key").write_bytes(name.encode() * 8)
    (folder / "sw.toml").write_text(f'[sharing]\nepoch = "2026q4"\nepoch_key_file = "{folder / "epoch.key"}"\n')
    own = ("--key-file", folder / "own.key")
    said(folder, "scan", built.log, "--out", folder / "results", "--config", folder / "sw.toml", "--no-frontier", *own)
    document = Document.from_json((folder / "results" / "campaigns.json").read_bytes(), "campaigns.json")
    _side_files(folder, log.select(["account_id", "ip"]).to_pylist())
    epoch = ("--epoch", "2026q4", "--epoch-key", folder / "epoch.key", "--benign", built.log)
    case = (*epoch, "--producer", PRODUCER, *own)
    options = (*epoch, "--producer", PRODUCER, "--networks", folder / "networks.csv", "--tokens", folder / "tokens.csv", *own)
    bundles = []
    for campaign in document.campaigns:
        said(
            folder,
            "share",
            "rule",
            folder / "results",
            campaign.campaign_id,
            "confirmed",
            "--by",
            "Jo",
            "--reason",
            "stolen cards",
        )
        bundles.append(folder / f"{campaign.campaign_id}.json")
        said(folder, "share", "export", folder / "results", campaign.campaign_id, *options, "--out", bundles[-1])
    return Made(folder, Secrets.of(log), tuple(bundles), {"export": options, "open": case, "own": own})


def _side_files(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Networks and tokens of every account; the exporter takes those of core accounts."""
    with (folder / "networks.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("account_id", "network"), *((r["account_id"], r["ip"]) for r in rows if r["ip"])])
    voprf = Voprf(group.best())
    private = voprf.derive_key(b"s" * 32, b"test")
    accounts = sorted({r["account_id"] for r in rows})
    with (folder / "tokens.csv").open("w", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(("account_id", "token"))
        for account in accounts:
            known = f"dx1|acct-email|{normalise('acct-email', account + '@example.org')}".encode()
            lines.writerow((account, spell("acct-email", "2026q4", voprf.evaluate_known(private, known))))


# ---------------------------------------------------------------- everything that can leave, a line each


def _bundle(made: Made) -> bytes:
    return b"\n".join(path.read_bytes() for path in made.bundles)


def _preview(made: Made) -> bytes:
    results = made.folder / "results"
    shown = [made.said("share", "export", results, p.stem, *made.options["export"], "--preview") for p in made.bundles]
    return b"\n".join(shown)


def _withdrawn(made: Made) -> bytes:
    return b"\n".join(made.said("share", "withdraw", path) for path in made.bundles)


def _misp_feed(made: Made) -> bytes:
    feed = made.folder / "feed"
    made.said("share", "misp-feed", *made.bundles, "--out", feed)
    return b"\n".join(path.read_bytes() for path in sorted(feed.iterdir()))


def _from_misp(made: Made) -> bytes:
    _misp_feed(made)
    return made.file("share", "from-misp", made.folder / "feed", "--producer", PRODUCER, *made.options["own"])


def _sightings(made: Made) -> bytes:
    seen = made.folder / "seen.json"
    for source in made.bundles:
        made.said(
            *("hunt", made.folder / "results", "--indicators", source, "--sightings", seen, "--producer", PRODUCER),
            *made.options["own"],
        )
    assert json.loads(seen.read_bytes())["objects"]
    return seen.read_bytes()


def _blocklists(made: Made) -> bytes:
    lists = [made.said("share", "blocklist", p, "--any", "--form", form) for p in made.bundles for form in FORMATS]
    return b"\n".join(lists)


def _webhook(made: Made) -> bytes:
    objects = [one for path in made.bundles for one in json.loads(path.read_bytes())["objects"]]
    return webhook.payload("c", [Record(i, one["id"], "", json.dumps(one).encode()) for i, one in enumerate(objects)])


def _sigma(made: Made) -> bytes:
    """Rules of the results folder, its preview, and the files of the bundles."""
    by = ("--producer", PRODUCER, *made.options["own"])
    written = made.said("share", "sigma", made.folder / "results", *by)
    shown = made.said("share", "sigma", made.folder / "results", *by, "--preview")
    made.said("share", "sigma", *made.bundles, "--out", made.folder / "rules")
    files = [path.read_bytes() for path in sorted((made.folder / "rules").iterdir())]
    assert files
    assert written.count(b"correlation:") == len(files)
    return b"\n".join([written, shown, *files])


def _opinions(made: Made) -> bytes:
    names = [one["id"] for path in made.bundles for one in json.loads(path.read_bytes())["objects"] if one["type"] == "indicator"]
    by = ("--producer", OTHER, *made.options["own"])
    return made.said("share", "opinion", "agree", *names, *by) + made.said("share", "opinion", "agree", *names, *by, "--preview")


def _open_case(made: Made) -> bytes:
    """The same results, in which nobody has ruled."""
    folder = made.folder / "unruled"
    shutil.copytree(made.folder / "results", folder, dirs_exist_ok=True)
    (folder / "rulings.json").unlink()
    options = made.options["open"]
    told = [made.said("share", "export", folder, path.stem, *options, "--open-case") for path in made.bundles]
    assert b'"grouping"' in told[0]
    for path, raw in zip(made.bundles, told, strict=True):
        (folder / path.name).write_bytes(raw)
    others = made.said("share", "ocsf", *(folder / path.name for path in made.bundles))
    return b"\n".join([*told, others])


def _seen_in_a_scan(made: Made) -> bytes:
    """The export of a member whose own scan weighed a peer's indicators: sightings stand beside its own."""
    peer, folder = made.folder / "peer.json", made.folder / "weighed"
    campaign = made.bundles[0].stem
    made.said("share", "export", made.folder / "results", campaign, *made.options["export"], "--producer", OTHER, "--out", peer)
    shutil.copytree(made.folder / "results", folder, dirs_exist_ok=True)
    scan = ("--config", made.folder / "sw.toml", "--no-frontier", *made.options["own"], "--resume", "--indicators", peer)
    made.said("scan", made.folder / "world" / "log", "--out", folder, *scan)
    raw = made.said("share", "export", folder, campaign, *made.options["export"])
    assert b'"sighting"' in raw
    return raw


EXPORTERS: tuple[tuple[str, Callable[[Made], bytes]], ...] = (
    ("STIX bundle", _bundle),
    ("preview", _preview),
    ("withdrawal", _withdrawn),
    ("MISP feed", _misp_feed),
    ("MISP feed, read again", _from_misp),
    ("sightings", _sightings),
    ("OCSF", lambda made: made.said("share", "ocsf", *made.bundles)),
    ("block lists", _blocklists),
    ("webhook", _webhook),
    ("Sigma rules", _sigma),
    ("opinions", _opinions),
    ("open case", _open_case),
    ("export with sightings", _seen_in_a_scan),
)
every = pytest.mark.parametrize(("name", "exporter"), EXPORTERS, ids=[name for name, _ in EXPORTERS])


# ---------------------------------------------------------------- tests


def test_the_export_is_a_full_one(made: Made) -> None:
    """The bundle holds every kind of indicator, so that none escapes the search; and there is much to look for."""
    objects = [one for path in made.bundles for one in json.loads(path.read_bytes())["objects"]]
    kinds = {label for one in objects if one["type"] == "indicator" for label in one["labels"]}

    assert kinds == {"dx:prompt-template", "dx:contract", "dx:network", "dx:token", "dx:behaviour"}
    assert made.secrets.n_runs > 50_000
    assert {column.partition(",")[0] for column in made.secrets.ids.values()} >= {"account_id", "exchange_id", "payment_id", "ip"}
    assert set(IDS) >= {column.partition(",")[0] for column in made.secrets.ids.values()}


@every
def test_no_run_of_words_and_no_id_leaves(name: str, exporter: Callable[[Made], bytes], made: Made) -> None:
    """Every run of eight words of every text, and every id, is looked for in all outgoing bytes: none is there."""
    raw = exporter(made)

    assert len(raw) > 100
    assert made.secrets.found_in({name: raw}) == []


@every
def test_the_search_finds_what_is_planted(name: str, exporter: Callable[[Made], bytes], made: Made) -> None:
    """A run of eight words, an id of each column and its plain hashes, hidden in the same bytes, are found by their column."""
    raw = exporter(made).decode()
    middle = len(raw) // 2
    run = " ".join(max(made.secrets.texts, key=len).split()[3:15])
    planted = {column: secret for secret, column in made.secrets.ids.items()}

    told = made.secrets.found_in({name: " ".join([raw[:middle], *planted.values(), run.upper(), raw[middle:]]).encode()})

    assert {f"{name}: {column}" for column in planted} <= set(told)
    assert len(planted) == 4 * len({column.partition(",")[0] for column in planted})
    assert [one for one in told if one.partition(": ")[2] not in planted]  # the run of words


def test_escapes_hide_nothing(made: Made) -> None:
    """A text in JSON whose letters are escaped is read as a reader reads it."""
    text = max(made.secrets.texts, key=len)
    escaped = '{"name": "' + "".join(f"\\u{ord(c):04x}" for c in text if ord(c) < 0x10000) + '"}'

    assert made.secrets.found_in({"escaped": escaped.encode()})
