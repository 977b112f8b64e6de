"""`stillwatch lineage`: does this model descend from that one?"""

import importlib.util
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from stillwatch.cli import main, output
from stillwatch.errors import LineageError

if importlib.util.find_spec("gguf") is None or importlib.util.find_spec("tokenizers") is None:
    raise LineageError("lineage tests need further packages. Install them with: pip install 'stillwatch[lineage]'")

from stillwatch import lineage
from stillwatch.cli.lineage_tree import tree
from stillwatch.lineage import again, bundle, document, signing
from stillwatch.lineage.base import Given, Verdict, print_p
from stillwatch.lineage.operands import Access, host_of, open_operand
from stillwatch.lineage.panel import load_panel
from stillwatch.lineage.patience import Patience
from stillwatch.lineage.run import compare
from stillwatch.lineage.transport import ApiKey, Limits, key_from_environment
from stillwatch.records.lineage import LineageDocument, to_json
from stillwatch.report import lineage as page

DEFAULT_KEY_VARIABLE = "STILLWATCH_API_KEY"
_A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NUMBERS_ALONE = (
    "not looked at: p-values were computed from the numbers in the bundle, files by digest where they are. Give --suspect and "
    "--against to run the tests again"
)
_SHOWN = frozenset({Verdict.REJECT.value, Verdict.CALIBRATED.value})


@click.group("lineage")
def command() -> None:
    """Test whether a model descends from another, with p-values, and check such a finding again."""


command.add_command(tree)


@command.command("test")
@click.argument("suspect", metavar="SUSPECT")
@click.argument("more", nargs=-1, metavar="[BASE]...")
@click.option("--against", "bases", multiple=True, required=True, metavar="BASE", help="A model it may descend from; several.")
@click.option("--stranger", "strangers", multiple=True, metavar="OPERAND", help="A model known to be unrelated; several.")
@click.option("--panel", type=_A_FILE, help="Scores of unrelated pairs, for calibrated tests.")
@click.option("--key", "key_file", type=_A_FILE, help="The teacher's key, for the keyed text test.")
@click.option("--order", "order_file", type=_A_FILE, help="The owner's training order, for the order test.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for document, report and bundle.")
@click.option("--alpha", default=0.01, show_default=True, type=click.FloatRange(0, 0.5, True, True), help="Level after Holm.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of every random choice.")
@click.option("--permutations", default=999, show_default=True, type=click.IntRange(99), help="Monte Carlo draws of a test.")
@click.option("--prompts", default=64, show_default=True, type=click.IntRange(1), help="Prompts put to an endpoint by a test.")
@click.option("--samples", default=5, show_default=True, type=click.IntRange(2), help="Outputs a prompt, for tests of equality.")
@click.option(
    "--api-key-env",
    "key_names",
    multiple=True,
    metavar="[HOST=]NAME",
    help=f"Environment variable that holds an endpoint's API key; {DEFAULT_KEY_VARIABLE} where all endpoints share one host.",
)
@click.option("--per-minute", type=click.FloatRange(0, min_open=True), help="Questions a minute put to one endpoint.")
@click.option("--timeout", default=120.0, show_default=True, type=click.FloatRange(1), help="Seconds for one answer.")
@click.option("--signing-key", type=_A_FILE, help="Ed25519 PEM that signs the bundle; this machine's own by default.")
@output.output_option("table", "json")
def test(
    suspect: str,
    more: tuple[str, ...],
    bases: tuple[str, ...],
    strangers: tuple[str, ...],
    panel: Path | None,
    key_file: Path | None,
    order_file: Path | None,
    out: Path | None,
    alpha: float,
    seed: int,
    permutations: int,
    prompts: int,
    samples: int,
    key_names: tuple[str, ...],
    per_minute: float | None,
    timeout: float,
    signing_key: Path | None,
    kind: str,
) -> int:
    """
    Put SUSPECT against candidate bases with every test that they permit.

    An operand is a folder of safetensors, a .gguf file, a .jsonl file of {prompt, output, logprobs?}, or an OpenAI-compatible
    address with a model: https://host/v1#MODEL. What the tests found is printed; with --out it is also written as
    lineage.json, lineage.html and the signed lineage.bundle.json, and answers of endpoints are kept so that a run can go on.

    A model behind an address that stops answering ends only the tests that asked it; they are named, and the same command goes
    on from the answers that it gave.

    Exit codes: 0 no descent shown, 3 an exact or calibrated test shows it, 2 usage, 1 error, or a test failed and none shows
    descent.
    """
    typed = (suspect, *bases, *more, *strangers)
    access = Access(
        keys=_keys(typed, key_names),
        answers=out / "answers" if out else None,
        patience=Patience(per_minute=per_minute),
        limits=Limits(idle_s=min(timeout, 60.0), total_s=timeout),
    )
    operands = [open_operand(name, access) for name in typed]
    n_bases = len(bases) + len(more)
    given = Given(
        seed=seed,
        permutations=permutations,
        alpha=alpha,
        panel=load_panel(panel) if panel else None,
        key_file=key_file,
        order_file=order_file,
        strangers=tuple(operands[1 + n_bases :]),
        prompts=prompts,
        samples=samples,
    )
    found = document.document(compare(operands[0], operands[1 : 1 + n_bases], lineage.TESTS, given), operands, datetime.now(UTC))
    if out is not None:
        _write(found, out, signing_key)
    _print(found, kind)
    if any(r.verdict in _SHOWN for r in found.results):
        return main.EXIT_FOUND
    return main.EXIT_ERROR if any(s.failed for s in found.skipped) else 0


@command.command("verify")
@click.argument("path", metavar="BUNDLE", type=_A_FILE)
@click.argument("more", nargs=-1, metavar="[BASE]...")
@click.option("--signed-by", "expected", metavar="KEY_ID", help="Key id (64 hex digits) that must have signed it.")
@click.option("--suspect", metavar="OPERAND", help="The suspect itself: the tests run again on it.")
@click.option("--against", "bases", multiple=True, metavar="BASE", help="A base itself; several.")
@click.option("--stranger", "strangers", multiple=True, metavar="OPERAND", help="A stranger itself; several.")
@click.option("--panel", type=_A_FILE, help="The panel that calibrated tests were given.")
@click.option("--key", "key_file", type=_A_FILE, help="The key that the keyed text test was given.")
@click.option("--order", "order_file", type=_A_FILE, help="The training order that the order test was given.")
@output.output_option("table", "json")
def verify(
    path: Path,
    more: tuple[str, ...],
    expected: str | None,
    suspect: str | None,
    bases: tuple[str, ...],
    strangers: tuple[str, ...],
    panel: Path | None,
    key_file: Path | None,
    order_file: Path | None,
    kind: str,
) -> int:
    """
    Check an evidence bundle: its signature, the files that are still here, and every p-value from its numbers.

    With --suspect and --against the numbers are not trusted either: the models are held against the stored digests, and the tests
    run again on them with the stored seed. Addresses are not asked again.

    Exit codes: 0 everything that could be checked holds, 1 something does not, 2 usage.
    """
    if (suspect is None) != (not (bases or more)):
        raise click.UsageError("to run the tests again, give the suspect with --suspect and its bases with --against")
    told, checks = bundle.check(path, expected)
    if suspect is None:
        checks.append(bundle.Check("the models themselves", bundle.Outcome.NOT_HERE, _NUMBERS_ALONE))
    else:
        given = Given(panel=load_panel(panel) if panel else None, key_file=key_file, order_file=order_file)
        checks += _again(told, suspect, (*bases, *more), strangers, given)
    if kind == "json":
        output.document(
            {"suspect": told.suspect, "checks": [{"what": c.what, "outcome": c.outcome.value, "words": c.words} for c in checks]}
        )
    else:
        output.table(("what", "outcome", "in words"), [(c.what, c.outcome.value, c.words) for c in checks])
    failed, open_ = (sum(c.outcome is o for c in checks) for o in (bundle.Outcome.FAILS, bundle.Outcome.NOT_HERE))
    beside = f"; {open_} could not be made" if open_ else ""
    verb = "fails" if failed == 1 else "fail"
    output.say(f"{failed} of {len(checks)} checks {verb}{beside}" if failed else f"{len(checks)} checks, none fails{beside}")
    return main.EXIT_ERROR if failed else 0


def _again(
    told: LineageDocument, suspect: str, bases: tuple[str, ...], strangers: tuple[str, ...], given: Given
) -> list[bundle.Check]:
    """The tests run again on operands whose digests are the stored ones."""
    if any(map(host_of, (suspect, *bases, *strangers))):
        raise click.UsageError("addresses are not asked again: kept answers in answers/ beside the bundle are checked by digest")
    of_suspect, of_bases, of_strangers = (
        [open_operand(name, Access()) for name in typed] for typed in ((suspect,), bases, strangers)
    )
    first, checks = again.as_stored(told, of_suspect, (told.suspect,))
    there, more = again.as_stored(told, of_bases, told.bases)
    known, most = again.as_stored(told, of_strangers, told.strangers)
    if not first:
        return [*checks, *more, bundle.Check("tests run again", bundle.Outcome.NOT_HERE, "none: this is not the suspect")]
    run = again.run_again(told, first[0], there, lineage.TESTS, replace(given, strangers=tuple(known)))
    return [*checks, *more, *most, *run]


def _keys(typed: tuple[str, ...], names: tuple[str, ...]) -> dict[str, ApiKey]:
    """API key of each host; a key is never sent to a host it was not given for."""
    hosts = {host for host in map(host_of, typed) if host}
    keys: dict[str, ApiKey] = {}
    for name in names or ((DEFAULT_KEY_VARIABLE,) if DEFAULT_KEY_VARIABLE in os.environ else ()):
        host, _, variable = name.rpartition("=")
        if not host and len(hosts) > 1:
            raise click.UsageError("several hosts: say whose key it is, as --api-key-env HOST=NAME, once for each")
        key = key_from_environment(variable)
        if key is None:
            raise click.UsageError(f"the environment variable {variable} is not set")
        keys |= dict.fromkeys([host] if host else hosts, key)
    return keys


def _write(found: LineageDocument, out: Path, signing_key: Path | None) -> None:
    raw = to_json(found)
    sealed = bundle.write(found, signing.signing_key(signing_key))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "lineage.json").write_bytes(raw)
        (out / "lineage.bundle.json").write_bytes(sealed)
    except OSError as error:
        raise LineageError(f"{out}: cannot be written ({error.strerror})") from error
    page.write(found, out / "lineage.html")
    output.say(f"wrote {out}/lineage.html, lineage.json and lineage.bundle.json")


def _print(found: LineageDocument, kind: str) -> None:
    if kind == "json":
        click.echo(to_json(found).decode(), nl=False)
        return
    rows = [
        (r.test, r.base, r.verdict, "–" if r.holm_log10_p is None else print_p(r.holm_log10_p), r.sentence) for r in found.results
    ]
    output.table(("test", "base", "verdict", "p after Holm", "in words"), rows)
    for head, failed in (("failed", True), ("not run", False)):
        listed = [(s.test, s.base or "all", s.reason) for s in found.skipped if s.failed is failed]
        output.table((head, "base", "why"), listed)
