"""One TOML file, frozen dataclasses."""

from pathlib import Path

import pytest

from stillwatch import settings
from stillwatch.errors import SettingsError
from stillwatch.settings import EngineSettings, PrivacySettings, Settings


def test_no_file_is_all_defaults() -> None:
    """Without a file every setting has its default."""
    assert settings.load(None) == Settings()


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    """Values of every type are read; all else keeps its default."""
    path = tmp_path / "stillwatch.toml"
    path.write_text(
        '[campaigns]\nq = 1\nentitlements = "e.toml"\n[candidates]\nresolutions = [2.0]\n[ingest.columns]\nip = "addr"\n'
    )

    read = settings.load(path)

    assert (read.campaigns.q, read.campaigns.entitlements) == (1.0, Path("e.toml"))
    assert read.candidates.resolutions == (2.0,)
    assert read.ingest.columns == {"ip": "addr"}
    assert read.campaigns.min_families == Settings().campaigns.min_families


def test_a_pyproject_has_its_own_table(tmp_path: Path) -> None:
    """In a pyproject.toml only [tool.stillwatch] counts."""
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "x"\n[tool.stillwatch.campaigns]\nmin_families = 3\n')

    assert settings.load(path).campaigns.min_families == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("campaigns = 3", "'campaigns' must be a table"),
        ("[campaigns]\nmin_famlies = 2", r"unknown setting 'campaigns.min_famlies'. Did you mean campaigns.min_families\?"),
        ("[campagnes]\nq = 1", r"unknown setting 'campagnes'. Did you mean campaigns\?"),
        ("[engine]\nzzzzzz = 1", "unknown setting 'engine.zzzzzz'. Known here: memory_gb, name, temp_dir, workers"),
        ("[campaigns]\nmin_families = 'two'", "'campaigns.min_families' must be int, not str"),
        ("[engine]\nworkers = true", "'engine.workers' must be int, not bool"),
        ("[campaigns\n", "not TOML"),
    ],
)
def test_a_wrong_file_says_what_and_where(tmp_path: Path, text: str, told: str) -> None:
    """A mistake is named with its file, the setting and what to write instead."""
    path = tmp_path / "stillwatch.toml"
    path.write_text(text)

    with pytest.raises(SettingsError, match=told) as error:
        settings.load(path)

    assert str(path) in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A settings file that cannot be read is an error, never the defaults."""
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(tmp_path / "none.toml")


def test_the_digest_moves_with_results_alone() -> None:
    """What can move a result moves the digest; how wide a run is, and who may read it, does not."""
    plain = Settings()

    assert settings.with_changes(plain, campaigns={"q": 0.2}).digest != plain.digest
    assert Settings(engine=EngineSettings(workers=9), privacy=PrivacySettings(min_accounts_for_wording=50)).digest == plain.digest
    assert settings.with_changes(plain, sharing={"epoch": "2026q4", "epoch_key_file": Path("k")}).digest == plain.digest


def test_settings_come_back_from_their_bytes() -> None:
    """What `to_json` wrote, `from_json` reads, paths and tuples included."""
    changed = settings.with_changes(Settings(), campaigns={"entitlements": Path("e.toml")}, candidates={"resolutions": (3.0,)})

    assert settings.from_json(changed.to_json()) == changed
