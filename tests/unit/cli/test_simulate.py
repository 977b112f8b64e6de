"""`stillwatch simulate`."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from stillwatch.cli.simulate import command
from stillwatch.errors import SettingsError


def run(*arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_world_is_built_as_asked(tmp_path: Path) -> None:
    """Preset, size, days and dials."""
    said = run(
        "--out", str(tmp_path), "--preset", "small", "--seed", "5", "--exchanges", "4000", "--accounts", "400", "--days", "3",
        "--set", "campaign.cover=0.75", "--set", "hydra.signup=burst",
    )  # fmt: skip
    told = orjson.loads((tmp_path / "truth/world.json").read_bytes())
    hydra = next(p for p in told["parts"] if p["name"] == "hydra")

    assert "4,000 exchanges of 400 accounts; 250 harvested by 3 campaigns" in said
    assert (told["seed"], told["days"]) == (5, 3.0)
    assert (hydra["dials"]["cover"], hydra["dials"]["signup"]) == (0.75, "burst")


def test_a_world_may_come_from_a_file(tmp_path: Path) -> None:
    """Of the presets' form, written as JSON lines if wanted."""
    (tmp_path / "mine.toml").write_text('[[parts]]\nkind = "chat"\naccounts = 3\nexchanges = 9\n')

    run("--out", str(tmp_path / "out"), "--preset", str(tmp_path / "mine.toml"), "--format", "ndjson")

    assert len((tmp_path / "out/log/part-000000.ndjson").read_bytes().splitlines()) == 9


def test_a_dial_needs_a_value(tmp_path: Path) -> None:
    """The message shows the form."""
    with pytest.raises(SettingsError, match=r"PART\.DIAL=VALUE"):
        run("--out", str(tmp_path), "--set", "campaign.cover")


def test_half_of_nothing_is_refused(tmp_path: Path) -> None:
    """Only a corpus has halves."""
    with pytest.raises(SettingsError, match="needs a --corpus"):
        run("--out", str(tmp_path), "--corpus-half", "A")


def test_all_dials_can_be_listed() -> None:
    """Of every kind, with their defaults, without a world."""
    said = run("--list")

    for word in ("through_gateway", "paraphrase", "topic_shards", "many_customers", "half_life_days"):
        assert word in said


@pytest.mark.parametrize(
    ("preset", "told"),
    [
        ("published-24000", ["24,000", "16,000,000", "22.2"]),
        ("published-25000", ["25,000", "28,800,000", "25.6"]),
        ("published-273", ["273", "3,400,000", "732.6"]),
        ("published-15000", ["15,000", "840,000", "2.0"]),
    ],
)
def test_published_cases_are_listed_with_their_numbers(preset: str, told: list[str]) -> None:
    """Accounts and exchanges as they were published, and what an account sends a day: 26, 730 and two."""
    (line,) = [line for line in run("--list").splitlines() if line.split()[:1] == [preset]]

    assert line.split()[-3:] == told


def test_a_prevalence_sets_the_size(tmp_path: Path) -> None:
    """The harvest is that share of the whole; another size besides is refused."""
    said = run("--out", str(tmp_path), "--preset", "small", "--prevalence", "0.05", "--quiet")

    assert "10,000 exchanges" in said
    with pytest.raises(SettingsError, match="leave out"):
        run("--out", str(tmp_path), "--prevalence", "0.05", "--exchanges", "5000")
