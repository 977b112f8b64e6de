"""
Writes docs/reference/cli.md from the commands themselves: python docs/generate_cli.py

A test holds the page against what this gives, so that no command or option can go undocumented.
"""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from stillwatch.cli.main import COMMANDS

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = """\
# The command line

Data goes to stdout, progress and errors to stderr. `NO_COLOR` is honoured. Strings from a log are shown with every character that
could hide, reorder or command made visible.

| exit code | what |
|---|---|
| 0 | done; `scan` found nothing at or above `--fail-on` |
| 1 | an error, told in one sentence; `verify`: a figure does not follow; `explain`: no such ID |
| 2 | wrong usage |
| 3 | `scan` found campaigns |
| 4 | the input is no log, or too little of it could be read |
| 130 | interrupted |

Settings that have no option are in [settings](settings.md). This page is written by `docs/generate_cli.py`.
"""


def page() -> str:
    """The whole page."""
    rows = "".join(f"| [`{name}`](#stillwatch-{name}) | {told} |\n" for name, _, told in COMMANDS)
    sections = [_section(path, command) for path, command in commands()]
    return f"{HEAD}\n| command | what |\n|---|---|\n{rows}" + "".join(sections)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and those below it, with the words that call it."""
    for name, module, _ in COMMANDS:
        yield from _below(f"stillwatch {name}", importlib.import_module(f"stillwatch.cli.{module}").command)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _below(f"{path} {name}", inner)


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = "".join(_row(p, context) for p in command.params if isinstance(p, click.Option))
    table = f"\n| option | default | what |\n|---|---|---|\n{rows}" if rows else ""
    help_ = inspect.cleandoc(command.help or "").replace("<", "&lt;")
    return f"\n## {path}\n\n    {path} {usage}\n\n{help_}\n{table}"


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {_value(option, context)}"
    needed = "required" if option.required else _default(option)
    more = "; may be given again" if option.multiple else ""
    return f"| {names}{value} | {needed} | {(option.help or '').replace('|', chr(92) + '|')}{more} |\n"


def _value(option: click.Option, context: click.Context) -> str:
    if isinstance(option.type, click.Choice):
        return " · ".join(f"`{c}`" for c in option.type.choices)
    return option.make_metavar(context).replace("|", " · ").replace("[", "").replace("]", "")


def _default(option: click.Option) -> str:
    plain = isinstance(option.default, str | int | float | Path) and not option.is_flag
    return f"`{option.default}`" if plain else ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
