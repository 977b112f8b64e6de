"""From a results folder to a peer's tools: rule, preview, export, send, read back; what others' software makes of it."""

import json
import random
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.exchanging import NO_LIMITS
from tests.scanned import a_results_folder, a_store
from tests.serving import Served

from stillwatch.engine import parts
from stillwatch.privacy import pseudonym
from stillwatch.records.campaign import RecipeUse
from stillwatch.records.tables import ACCOUNTS, ATTRIBUTED, PEER_HITS
from stillwatch.sharing.catalogue import EXTENSION
from stillwatch.sharing.taxii import database
from stillwatch.sharing.taxii.members import Member, Members

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import stix2
    from stix2validator import ValidationOptions, validate_string

CAMPAIGN = "c-000000000001"
SEEN = "indicator--8f3a1d2c-0000-4000-8000-0000000000aa"  # a peer's, which the campaign hits
PRODUCER = "identity--9e57a589-35fa-49a2-8a68-1a5df1a71103"
OTHER_KEY = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"  # of RFC 9497 A.1.2
WORDS = [f"w{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
TEMPLATE = " ".join(random.Random(1).sample(WORDS, 40)) + " ⟨…⟩ " + " ".join(random.Random(2).sample(WORDS, 40))


def stillwatch(*arguments: str | Path, code: int = 0) -> str:
    """Run the command line as a user does; returns what it printed on stdout."""
    done = subprocess.run(
        [sys.executable, "-c", "from stillwatch.cli.main import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with all that can be shared."""
    folder = tmp_path_factory.mktemp("results")
    filled(folder)
    return folder


def filled(folder: Path) -> None:
    """A campaign with wording to share, that meets on cards and hits a peer's indicator; keys, benign requests and networks."""
    document = a_results_folder(folder, 300)
    recipes = tuple(
        replace(r, n_accounts=280, sketch=" ".join(random.Random(i).sample(WORDS, 60)) if i < 2 else r.sketch)
        for i, r in enumerate(document.campaigns[0].recipes)
    )
    changed = replace(document, campaigns=(replace(document.campaigns[0], recipes=recipes),))
    (folder / "campaigns.json").write_bytes(changed.to_json())
    _pseudonymous(folder)
    (folder / "epoch.key").write_text("ab" * 32)
    (folder / "own.key").write_text("cd" * 32)
    rng = random.Random(3)
    (folder / "benign.txt").write_text("\n".join(" ".join(rng.choices(WORDS, k=12)) for _ in range(1_200)))
    accounts = pq.read_table(folder / "accounts.parquet").to_pylist()
    core = [row["account_id"] for row in accounts if row["membership"] == "core"]
    rows = [f"{name},203.0.113.{i % 250}" for i, name in enumerate(core[:40])]
    (folder / "networks.csv").write_text("\n".join(["account_id,network", *rows]))
    assert isinstance(recipes[0], RecipeUse)


def _pseudonymous(folder: Path) -> None:
    """Accounts by their pseudonyms, as in a scan of signed tables: then any key may be the house's own."""
    path = parts.part_files(folder / "store", ACCOUNTS)[0]
    known = pq.read_table(path)
    names = pa.array([pseudonym(account) for account in known["account"].to_pylist()])
    renamed = dict(zip(known["account_id"].to_pylist(), names.to_pylist(), strict=True))
    with a_store(folder / "store") as engine:
        engine.write(ACCOUNTS, known.set_column(known.schema.get_field_index("account_id"), "account_id", names))
        peers = [r["row"] for r in engine.read(ATTRIBUTED, ["row"]).to_pylist()][:900]
        hits = [{"row": row, "indicator_id": SEEN, "kind": "network"} for row in peers]
        engine.write(PEER_HITS, pa.Table.from_pylist(hits, PEER_HITS.schema))
    table = pq.read_table(folder / "accounts.parquet")
    ids = pa.array([renamed[name] for name in table["account_id"].to_pylist()])
    pq.write_table(table.set_column(0, "account_id", ids), folder / "accounts.parquet")


def export(results: Path, producer: str, *more: str | Path, code: int = 0, networks: bool = True) -> str:
    """The command that exports."""
    keys: list[str | Path] = ["--epoch", "2026q4", "--epoch-key", results / "epoch.key", "--key-file", results / "own.key"]
    data: list[str | Path] = ["--benign", results / "benign.txt", "--producer", producer]
    data += ["--networks", results / "networks.csv"] if networks else []
    return stillwatch("share", "export", results, CAMPAIGN, *keys, *data, *more, code=code)


@pytest.fixture(scope="module")
def bundle(results: Path) -> dict[str, Any]:
    """A bundle as the command line makes it."""
    refused = export(results, PRODUCER, code=1)
    assert "not ruled on" in refused
    stillwatch("share", "rule", results, CAMPAIGN, "confirmed", "--by", "Jo", "--reason", "stolen cards")
    made: dict[str, Any] = json.loads(export(results, PRODUCER))
    return made


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An open case of the same campaign, in a results folder in which nobody has ruled."""
    folder = tmp_path_factory.mktemp("open")
    filled(folder)
    made: dict[str, Any] = json.loads(export(folder, PRODUCER, "--open-case", networks=False))
    return made


@pytest.fixture(params=["report", "open case", "opinion", "withdrawal"])
def outgoing(request: pytest.FixtureRequest, bundle: dict[str, Any], opened: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Every kind of bundle that a member sends."""
    if request.param == "report":
        return bundle
    if request.param == "open case":
        return opened
    (tmp_path / "own.key").write_text("cd" * 32)
    if request.param == "opinion":
        by = ("--producer", PRODUCER, "--key-file", tmp_path / "own.key")
        return dict(json.loads(stillwatch("share", "opinion", "disagree", SEEN, *by)))
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    return dict(json.loads(stillwatch("share", "withdraw", tmp_path / "bundle.json")))


def test_the_bundle_is_a_full_one(bundle: dict[str, Any], opened: dict[str, Any]) -> None:
    """So that what others' software makes of it is what it makes of everything."""
    kinds = {one["type"] for one in bundle["objects"]}
    languages = {one["pattern_type"] for one in bundle["objects"] if one["type"] == "indicator"}

    assert kinds >= {"campaign", "indicator", "attack-pattern", "course-of-action", "sighting", "report", "marking-definition"}
    assert languages == {"stix", "sigma"}
    assert "grouping" in {one["type"] for one in opened["objects"]}
    for one in bundle["objects"]:
        if one["type"] == "indicator":
            assert 0 <= one["extensions"][EXTENSION]["benign_hits_per_million"] <= 100


def test_stix2_parses_it_strictly(outgoing: dict[str, Any]) -> None:
    """The reference library reads every object without custom content."""
    parsed = stix2.parse(outgoing, allow_custom=False)

    assert len(parsed.objects) == len(outgoing["objects"])


def test_stix2_validator_finds_nothing(outgoing: dict[str, Any]) -> None:
    """No error and no warning but {103} (UUIDv5 of constant objects) and {302} (extensions it does not know)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = validate_string(json.dumps(outgoing), ValidationOptions(version="2.1", disabled="103,302", silent=True))

    assert result.is_valid, [str(e) for r in result.object_results for e in r.errors]
    assert [str(w) for w in result.warnings] == []


MISP = """
import json, sys, warnings
warnings.simplefilter("ignore")
import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser
from pymisp import MISPEvent
parser = ExternalSTIX2toMISPParser()
parser.load_stix_bundle(stix2.parse(json.load(sys.stdin), allow_custom=False))
parser.parse_stix_bundle(single_event=True)
event = MISPEvent()
event.load(parser.misp_event.to_json())
kinds = sorted({a.type for a in event.attributes} | {a.type for o in event.objects for a in o.attributes})
print(json.dumps({"errors": any(parser.errors.values()), "kinds": kinds, "event": event.to_json()}))
"""


def test_misp_reads_it(bundle: dict[str, Any]) -> None:
    """misp-stix makes an event with the networks as ip-dst, the TLP tag and the sketch; pymisp loads it again."""
    # in a process of its own: its dependencies put finders into the import system that every later import stumbles over
    done = subprocess.run([sys.executable, "-c", MISP], input=json.dumps(bundle), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["errors"] is False
    assert "ip-dst" in told["kinds"]
    assert "tlp:amber+strict" in told["event"]
    assert "x_dx_minhash" in told["event"]
    assert "sigma" in told["kinds"]


def test_the_preview_shows_every_value_and_writes_nothing(results: Path, bundle: dict[str, Any], tmp_path: Path) -> None:
    """Each value of the bundle stands in the preview beside its reason."""
    out = tmp_path / "none.json"

    shown = export(results, bundle["objects"][-1]["created_by_ref"], "--preview", "--out", out)

    assert not out.exists()
    for thing in bundle["objects"]:
        assert thing["id"] in shown
        if thing["type"] == "indicator":
            assert all(line.strip() in shown for line in thing["pattern"].splitlines())
    assert "keyed sketch of wording" in shown


def test_no_account_no_wording_no_count_leaves(results: Path, bundle: dict[str, Any]) -> None:
    """Every account id, every run of eight characters of any wording, model or analyst is searched for in the bytes."""
    raw = json.dumps({"objects": bundle["objects"]})
    known = json.loads((results / "campaigns.json").read_bytes())["campaigns"][0]
    accounts = {row["account_id"] for row in pq.read_table(results / "accounts.parquet").to_pylist()}

    texts = [r["sketch"] for r in known["recipes"] if r["sketch"]] + [m["model"] for m in known["models"]]
    grams = {text[i : i + 8] for text in texts for i in range(max(1, len(text) - 7))}
    assert len(grams) > 500
    assert [gram for gram in grams if gram in raw] == []
    assert [name for name in accounts if name in raw] == []
    for number in (known["n_exchanges"], known["n_accounts"], known["economics"]["completion_tokens"]):
        assert f": {number}," not in raw


def test_from_one_member_to_another(results: Path, tmp_path: Path) -> None:
    """Two members, one exchange: the pseudonym is asked for, the bundle sent, read by the other, withdrawn."""
    store = str(tmp_path / "exchange.db")
    place = stillwatch("exchange", "collection", "add", "Campaigns", "--store", store).strip()
    members = Members(database.connect(store))
    for name in ("ada", "ben"):
        members.add(Member(name, "contributor", limits=NO_LIMITS))
        (tmp_path / f"{name}.key").write_text(members.issue_key(name, 1))
    served = Served(store)
    served.start()
    sign_in: list[str | Path] = [
        "--collection",
        f"{served.url}/api/collections/{place}/",
        "--member",
        "ada",
        "--member-key",
        tmp_path / "ada.key",
    ]
    stillwatch("share", "rule", results, CAMPAIGN, "confirmed", "--by", "Jo", "--reason", "stolen cards")
    try:
        producer = stillwatch("share", "producer", *sign_in).strip()
        export(results, producer, "--out", tmp_path / "bundle.json")
        stillwatch("share", "push", tmp_path / "bundle.json", *sign_in)
        stillwatch("share", "push", tmp_path / "bundle.json", *sign_in)  # again is no error

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from taxii2client.v21 import Collection

            key = (tmp_path / "ben.key").read_text()
            other = Collection(f"{served.url}/api/collections/{place}/", user="ben", password=key)
            sent = json.loads((tmp_path / "bundle.json").read_bytes())["objects"]
            got = other.get_objects()["objects"]
            assert {one["id"] for one in sent} <= {one["id"] for one in got}
            stillwatch("share", "withdraw", tmp_path / "bundle.json", "--out", tmp_path / "gone.json")
            stillwatch("share", "push", tmp_path / "gone.json", *sign_in)
            gone = list(other.get_objects(type="indicator")["objects"])
    finally:
        served.stop()

    assert len(gone) >= 3
    assert all(one["revoked"] for one in gone)


def test_tokens_of_two_members_meet(results: Path, tmp_path: Path) -> None:
    """One member tokenises and exports, another tokenises its own sign-ups and finds the one account that both have."""
    store, keys = str(tmp_path / "exchange.db"), tmp_path / "keys"
    public = stillwatch("exchange", "tokens", "add", "2026q4", "--keys", keys).strip()
    members = Members(database.connect(store))
    for name in ("ada", "ben"):
        members.add(Member(name, "contributor", limits=NO_LIMITS))
        (tmp_path / f"{name}.key").write_text(members.issue_key(name, 1))
    accounts = pq.read_table(results / "accounts.parquet").to_pylist()
    tiers = {tier: next(r["account_id"] for r in accounts if r["membership"] == tier) for tier in ("core", "touched")}
    (tmp_path / "ada.csv").write_text(
        f"account_id,kind,value\n{tiers['core']},acct-email,Jane.Doe+9@gmail.com\n{tiers['touched']},acct-email,kim@example.org\n"
    )
    (tmp_path / "ben.csv").write_text("account_id,kind,value\nb1,acct-email,janedoe@gmail.com\nb2,acct-email,kim@example.org\n")
    stillwatch("share", "rule", results, CAMPAIGN, "confirmed", "--by", "Jo", "--reason", "stolen cards")
    served = Served(store, command=("exchange", "tokens", "serve", "--keys", str(keys)))
    served.start()
    made = {}
    try:
        for name in ("ada", "ben"):
            sign_in: list[str | Path] = ["--member", name, "--member-key", tmp_path / f"{name}.key", "--epoch", "2026q4"]
            service = ["--service", f"{served.url}/tokens/", "--public-key", public]
            made[name] = stillwatch("share", "tokenise", tmp_path / f"{name}.csv", *service, *sign_in)
        wrong = ["--service", f"{served.url}/tokens/", "--public-key", OTHER_KEY]
        refused = stillwatch("share", "tokenise", tmp_path / "ben.csv", *wrong, *sign_in, code=1)
    finally:
        served.stop()
    (tmp_path / "tokens.csv").write_text(made["ada"])

    bundle = json.loads(export(results, PRODUCER, "--tokens", tmp_path / "tokens.csv"))

    ours = {line.split(",")[1] for line in made["ben"].splitlines()[1:]}
    patterns = [one["pattern"] for one in bundle["objects"] if one.get("labels") == ["dx:token"]]
    assert len(patterns) == 1  # the touched account's token stays at home
    assert [
        f"[user-account:user_id = '{token}']" for token in ours if f"[user-account:user_id = '{token}']" in patterns
    ] == patterns
    assert "published" in refused
    assert "jane" not in json.dumps(bundle)


FEED = """
import json, sys, pathlib
from pymisp import MISPEvent
folder = pathlib.Path(sys.argv[1])
told = []
for name, line in json.loads((folder / "manifest.json").read_text()).items():
    event = MISPEvent()
    event.load_file(folder / f"{name}.json", validate=True)
    told.append({"uuid": event.uuid, "info": event.info, "tags": [t.name for t in event.tags], "line": line,
                 "attributes": [[a.type, a.value, a.to_ids, bool(a.get("deleted"))] for a in event.attributes]})
print(json.dumps(told))
"""


def test_a_misp_feed(results: Path, bundle: dict[str, Any], tmp_path: Path) -> None:
    """pymisp loads and validates every event of the folder; a later bundle replaces, a withdrawal deletes, others stay."""
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    folder = tmp_path / "feed"
    stillwatch("share", "misp-feed", tmp_path / "bundle.json", "--out", folder)
    stillwatch("share", "misp-feed", tmp_path / "bundle.json", "--out", folder)

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FEED, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (event,) = json.loads(done.stdout)
    hashes = (folder / "hashes.csv").read_text().splitlines()
    stillwatch("share", "withdraw", tmp_path / "bundle.json", "--out", tmp_path / "gone.json")
    stillwatch("share", "misp-feed", tmp_path / "gone.json", "--out", folder)
    after = json.loads((folder / f"{event['uuid']}.json").read_text())["Event"]

    assert event["tags"] == ["tlp:amber+strict"]
    assert event["line"]["info"] == event["info"]
    assert ["ip-src", "203.0.113.0/24", True, False] in event["attributes"]
    assert sorted(kind for kind, *_ in event["attributes"]) == ["ip-src", "sigma", "stix2-pattern", "stix2-pattern"]
    assert len(hashes) == len(event["attributes"]) == 4
    assert all(a["deleted"] for a in after["Attribute"])
    assert (folder / "hashes.csv").read_text() == ""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("")
    assert "holds no feed" in stillwatch("share", "misp-feed", tmp_path / "bundle.json", "--out", tmp_path / "other", code=1)


def test_a_campaigns_own_requests_are_not_its_bystanders(results: Path, bundle: dict[str, Any], tmp_path: Path) -> None:
    """Benign hits are counted over a log without the accounts of campaigns; the same requests of others do count."""
    known = json.loads((results / "campaigns.json").read_bytes())["campaigns"][0]
    wording = known["recipes"][0]["sketch"]
    core = [row["account_id"] for row in pq.read_table(results / "accounts.parquet").to_pylist()]
    ordinary = [{"account_id": f"o{i}", "prompt": " ".join(random.Random(i).choices(WORDS, k=12))} for i in range(1_100)]
    identity = bundle["objects"][-1]["created_by_ref"]

    made = {}
    for whose, accounts in (("campaign", core[:50]), ("bystanders", [f"b{i}" for i in range(50)])):
        path = tmp_path / f"{whose}.parquet"
        pq.write_table(pa.Table.from_pylist(ordinary + [{"account_id": a, "prompt": wording} for a in accounts]), path)
        told = json.loads(export(results, identity, "--benign", path))
        made[whose] = sum(one.get("labels") == ["dx:prompt-template"] for one in told["objects"])

    assert made == {"campaign": 2, "bystanders": 1}
