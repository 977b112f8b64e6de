"""What is shipped: the wheel and the source archive hold all that the program reads, and nothing of the tests' needs."""

import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]


def tracked(*folders: str) -> set[str]:
    """Files below some folders that belong to the project."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs a git checkout, to know which files are the project's")
    return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}


def test_the_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    """Code, data, templates, presets and schemas: each file below src/stillwatch is in the wheel, and metadata."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path))

    names = set(zipfile.ZipFile(wheel).namelist())

    package = {name for name in names if ".dist-info/" not in name}
    assert package == {name.removeprefix("src/") for name in tracked("src")}
    assert {"py.typed", "campaigns/reference.parquet"} <= {name.removeprefix("stillwatch/") for name in package}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_source_archive_can_be_tested(tmp_path: Path) -> None:
    """Sources, tests, docs and benchmarks are in the archive, with the files that `make test` reads."""
    (archive,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path))

    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}

    assert tracked("src", "tests", "docs", "benchmarks", "examples") <= names
    assert {"Makefile", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= names


def test_the_core_needs_no_extra_and_no_test_tool() -> None:
    """What `pip install .` brings is what the core imports: no test tool, no server, no model library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = {requirement.split(">")[0].split("[")[0] for requirement in project["project"]["dependencies"]}

    others = {
        requirement.split(">")[0].split("[")[0]
        for group in (*project["dependency-groups"].values(), *project["project"]["optional-dependencies"].values())
        for requirement in group
        if isinstance(requirement, str)
    }

    assert named
    assert named.isdisjoint(others)
