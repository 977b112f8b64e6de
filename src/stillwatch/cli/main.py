"""
`stillwatch`: the list of commands, and what every command shares: exit codes, and errors as one sentence.

A command's module is imported only when it is called, so that `--help` stays fast.
"""

import importlib
import sys
from collections.abc import Sequence

import click

from stillwatch.errors import LogFormatError, StillwatchError
from stillwatch.records.visible import visible

EXIT_ERROR = 1
EXIT_FOUND = 3
EXIT_UNREADABLE = 4
EXIT_INTERRUPTED = 130

# name, module below stillwatch.cli (holds a click command or group called `command`), help in one line
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("demo", "demo", "make a world with planted campaigns, scan it, and score the scan"),
    ("scan", "scan", "find the campaigns in a log: the main job"),
    ("sign", "sign", "write keyed signatures of a log, to be scanned where the text may not go"),
    ("verify", "verify", "recompute every published figure of a scan from its stored signatures"),
    ("reference", "reference", "build or learn the benign groups that scores are held against"),
    ("label", "label", "take analysts' rulings, and show what they would teach before it is taught"),
    ("inspect", "inspect", "show what a log holds: format, coverage, tier, what can and cannot be seen"),
    ("simulate", "simulate", "write a seeded, labelled log to try detectors on"),
    ("explain", "explain", "explain one campaign or account, as a waterfall of bits"),
    ("schema", "schema", "print the JSON Schema of campaigns.json"),
    ("lineage", "lineage", "test whether a model descends from another, with p-values"),
    ("share", "share", "rule on a campaign, and share what lets others find it"),
    ("hunt", "hunt", "look for what peers have seen, in your own logs or results"),
    ("exchange", "exchange", "run a TAXII 2.1 exchange, and keep its members, keys and collections"),
)


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of COMMANDS."""
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that is asked for."""
        for name, module, _ in COMMANDS:
            if name == cmd_name:
                loaded = importlib.import_module(f"stillwatch.cli.{module}").command
                assert isinstance(loaded, click.Command)
                return loaded
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from COMMANDS alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, _, told in COMMANDS])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stillwatch")
def root() -> None:
    """Find distillation campaigns in the logs of a language-model API, and say why."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        code = root.main(arguments, standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        code = EXIT_INTERRUPTED
    except LogFormatError as error:
        click.echo(f"stillwatch: {visible(str(error))}", err=True)
        code = EXIT_UNREADABLE
    except StillwatchError as error:
        click.echo(f"stillwatch: {visible(str(error))}", err=True)
        code = EXIT_ERROR
    sys.exit(code if isinstance(code, int) else 0)
