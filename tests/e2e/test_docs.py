"""What the documentation says is what happens: its commands run, and no command, option or setting goes without a line."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tests.commands import PROGRAM, own_home

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
# pages that follow from the code alone; pages of measured figures follow from whoever ran the benchmark last
GENERATORS = [p for p in sorted(DOCS.glob("generate_*.py")) if "def page() -> str" in p.read_text("utf-8")]
PYTHON_PAGES = ("reference/python.md", "reference/worlds.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [body for told, body in FENCE.findall(page.read_text("utf-8")) if told == language]


def commands(page: Path) -> list[str]:
    """The lines of console blocks that a reader would type."""
    return [line[2:] for body in blocks(page, "console") for line in body.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda p: p.name)
def test_what_a_page_tells_to_type_works(page: Path, tmp_path: Path) -> None:
    """Every command of a page's console blocks ends well, one after the other, in an empty folder."""
    environment = own_home(tmp_path / "home") | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    folder = tmp_path / "work"
    folder.mkdir()

    for command in commands(page):
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False)

        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", PYTHON_PAGES)
def test_the_python_of_a_page_runs(name: str, tmp_path: Path) -> None:
    """The Python blocks of a page run one after the other, as one program."""
    program = "\n".join(blocks(DOCS / name, "python"))
    (tmp_path / "program.py").write_text(f"if __name__ == '__main__':\n{_indented(program)}\n")
    assert program

    asked = [sys.executable, "-W", "error", "program.py"]
    done = subprocess.run(asked, cwd=tmp_path, env=own_home(tmp_path), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", GENERATORS, ids=lambda p: p.stem)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    """The page is the one that the code gives; if not: make docs."""
    generator = runpy.run_path(str(path))

    stored = generator["PAGE"].read_text("utf-8")

    assert stored == generator["page"]()


def test_no_command_or_option_goes_undocumented() -> None:
    """Every command, and every option of each, has a help of its own and stands on the page of the command line."""
    told = runpy.run_path(str(DOCS / "generate_cli.py"))
    page = told["PAGE"].read_text("utf-8")
    found: list[tuple[str, click.Command]] = list(told["commands"]())

    assert len(found) > 20
    for path, command in found:
        _, heading, section = page.partition(f"\n## {path}\n")
        assert heading, path
        assert command.help, path
        for option in (p for p in command.params if isinstance(p, click.Option)):
            assert option.help, f"{path} {option.opts}"
            assert f"`{option.opts[-1]}`" in section.split("\n## ")[0], f"{path} {option.opts}"


def test_no_setting_goes_undocumented() -> None:
    """Every setting has a comment beside its default, and stands with it on the page of the settings."""
    told = runpy.run_path(str(DOCS / "generate_settings.py"))
    page = told["PAGE"].read_text("utf-8")
    comments: dict[str, str] = told["told"]()

    assert len(comments) > 30
    for name, comment in comments.items():
        assert comment, name
        assert comment in page, name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    """What a page links to is there."""
    targets = [target for target, _ in LINK.findall(FENCE.sub("", page.read_text("utf-8")))]

    dead = [t for t in targets if not t.startswith(("http://", "https://")) and not (page.parent / t).exists()]

    assert dead == []


def _indented(program: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in program.splitlines())
