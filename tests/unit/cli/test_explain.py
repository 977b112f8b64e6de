"""`stillwatch explain` and `stillwatch schema`."""

import csv
import io
import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from tests.results import a_document, licensed
from tests.scanned import HOSTILE, a_results_folder, a_store

from stillwatch.cli import explain, schema
from stillwatch.errors import LogFormatError
from stillwatch.records.campaign import Document
from stillwatch.report.waterfall import Bar


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder whose first accounts and whose models carry hostile names."""
    made = tmp_path_factory.mktemp("results")
    a_results_folder(made, 40, 2, hostile=True)
    return made


def run(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(explain.command, [str(folder), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_campaign_is_explained_as_a_waterfall(folder: Path) -> None:
    """Every statement of evidence with its bits, the silent ones marked, then alternatives, recipes and what was taken."""
    text = run(folder, "c-000000000001")
    campaign = Document.from_json((folder / "campaigns.json").read_bytes()).campaigns[0]

    for item in campaign.evidence:
        assert item.in_words in text
    assert "[not counted: sees the same behaviour as persistence, which is stronger]" in text
    assert "+19.2" in text
    assert "−1.7" in text
    for alternative in campaign.alternatives:
        assert alternative.name in text
    assert "$1,412" in text


def test_the_accounts_of_a_campaign_come_as_rows(folder: Path) -> None:
    """CSV has every account once, surest first, no cell a formula; ten are shown on the terminal."""
    rows = list(csv.DictReader(io.StringIO(run(folder, "c-000000000001", "-o", "csv"), newline="")))

    assert len(rows) == 40
    order = [explain.MEMBERSHIPS.index(row["membership"]) for row in rows]
    assert order == sorted(order)
    assert {row["n_campaign_exchanges"] for row in rows} == {"10"}
    assert not [row for row in rows if row["account_id"][0] in "=+-@"]
    assert "Who (the surest 10 of 40; all with -o csv)" in run(folder, "c-000000000001")


def test_the_campaigns_of_an_account_come_as_rows(folder: Path) -> None:
    """One line a campaign."""
    (line,) = run(folder, HOSTILE[3], "-o", "ndjson").splitlines()

    assert json.loads(line)["campaign_id"] == "c-000000000001"


def test_accounts_that_cannot_be_read_are_an_error(folder: Path, tmp_path: Path) -> None:
    """The missing or broken file is named."""
    shutil.copy(folder / "campaigns.json", tmp_path)
    (tmp_path / "accounts.parquet").write_bytes(b"no parquet")

    with pytest.raises(LogFormatError, match=r"accounts\.parquet: missing or not Parquet"):
        CliRunner().invoke(explain.command, [str(tmp_path), "c-000000000001", "-o", "csv"], catch_exceptions=False)


def test_a_campaign_as_json_is_that_of_the_document(folder: Path) -> None:
    """`-o json` prints the campaign as it stands in campaigns.json."""
    told = json.loads(run(folder, "c-000000000002", "-o", "json"))

    assert told == json.loads((folder / "campaigns.json").read_bytes())["campaigns"][1]


@pytest.mark.parametrize("name", HOSTILE)
def test_an_account_is_explained_whatever_its_name(folder: Path, name: str) -> None:
    """Membership, bits, share, what it shares and what was left out as cover; its name cannot reach the terminal raw."""
    text = run(folder, name)

    assert "core of c-000000000001, likely: one pool harvested through" in text
    assert "10 exchanges of it (71 % of its traffic)" in text
    assert "same payment as 9 other accounts of the campaign, and 0 outside it" in text
    assert "Left out as its own traffic (cover): 4 exchanges" in text
    assert not set(text) & set("\x1b\x07\u202e\u200b\u2066\u2028")


def test_an_account_as_json_and_by_pseudonym(folder: Path) -> None:
    """The pseudonym leads to the same account, and JSON keeps its exact name."""
    by_name = json.loads(run(folder, HOSTILE[3], "-o", "json"))

    assert by_name["account_id"] == HOSTILE[3]
    assert json.loads(run(folder, by_name["pseudonym"], "-o", "json")) == by_name


def test_an_innocent_account_is_said_to_be_one(folder: Path) -> None:
    """An account in no campaign is told so in words."""
    with a_store(folder / "store") as engine:
        rows = engine.query("SELECT account_id FROM accounts WHERE account NOT IN (SELECT account FROM members) LIMIT 1")

    assert "In no campaign" in run(folder, rows["account_id"][0].as_py())


def test_an_unknown_id_is_an_error_that_names_the_known_ones(folder: Path) -> None:
    """Exit code 1, nothing on stdout, the campaigns on stderr."""
    result = CliRunner().invoke(explain.command, [str(folder), "nobody"], standalone_mode=False)

    assert result.return_value == 1
    assert result.stdout == ""
    assert "c-000000000001, c-000000000002" in result.stderr


def test_what_is_no_results_folder_is_unreadable(tmp_path: Path) -> None:
    """The error says what DIR must be."""
    with pytest.raises(LogFormatError, match="Is DIR what"):
        CliRunner().invoke(explain.command, [str(tmp_path), "c-1"], catch_exceptions=False)


def test_an_account_needs_the_store(folder: Path, tmp_path: Path) -> None:
    """A campaign can be explained from the two result files; for an account the error asks for the whole folder."""
    for name in ("campaigns.json", "accounts.parquet"):
        shutil.copy(folder / name, tmp_path)

    assert "likely" in run(tmp_path, "c-000000000001")
    with pytest.raises(LogFormatError, match="Keep the whole results folder"):
        CliRunner().invoke(explain.command, [str(tmp_path), "someone"], catch_exceptions=False)


def test_a_permission_is_told(folder: Path, tmp_path: Path) -> None:
    """A campaign that is set aside says so, and by whose permission."""
    document = Document.from_json((folder / "campaigns.json").read_bytes())
    (tmp_path / "campaigns.json").write_bytes(a_document(licensed(document.campaigns[0])).to_json())
    shutil.copy(folder / "accounts.parquet", tmp_path)

    text = run(tmp_path, "c-000000000001")

    assert "set aside (likely, but covered by a permission)" in text
    assert "permission of Example Data Ltd" in text


def test_bars_fit_their_column() -> None:
    """Whatever the bits, a bar has at least one mark and never leaves the column; against and silent differ in mark."""
    assert explain.drawn(Bar("counted", "x", 0.0, 100.0), 0.0, 100.0) == "█" * explain.BAR_WIDTH
    assert explain.drawn(Bar("counted", "x", 99.9, 100.0), 0.0, 100.0) == " " * (explain.BAR_WIDTH - 1) + "█"
    assert "▒" in explain.drawn(Bar("counted", "x", 5.0, 2.0), 0.0, 10.0)
    assert "·" in explain.drawn(Bar("silent", "x", 5.0, 8.0), 0.0, 10.0)


def test_the_schema_that_is_printed_is_the_published_one(folder: Path) -> None:
    """`stillwatch schema` prints a schema that the results satisfy."""
    printed = json.loads(CliRunner().invoke(schema.command, catch_exceptions=False).stdout)

    jsonschema.validate(json.loads((folder / "campaigns.json").read_bytes()), printed)


@pytest.mark.parametrize(("line", "told"), [([], "campaigns"), (["lineage"], "lineage")])
def test_each_schema_is_printed_by_its_name(line: list[str], told: str) -> None:
    """Without a name it is that of campaigns.json."""
    printed = json.loads(CliRunner().invoke(schema.command, line, catch_exceptions=False).stdout)

    assert printed["$id"].startswith(f"urn:stillwatch:schema:{told}:")
