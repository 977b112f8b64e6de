"""`stillwatch lineage tree`: a folder of checkpoints as families."""

from pathlib import Path

import click
import orjson

from stillwatch.cli import output
from stillwatch.errors import LineageError
from stillwatch.lineage.base import Given, print_p
from stillwatch.lineage.tree import Forest, grow
from stillwatch.lineage.tree_drawing import dot, plain, svg
from stillwatch.report import lineage_tree as page


@click.command("tree")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for tree.html, .svg, .dot and .json.")
@click.option("--alpha", default=0.01, show_default=True, type=click.FloatRange(0, 0.5, True, True), help="Level over all pairs.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of every random choice.")
@output.output_option("table", "json")
def tree(folder: Path, out: Path | None, alpha: float, seed: int, kind: str) -> None:
    """
    Join the checkpoints in DIR to families, with a p-value on every edge; directions are advice.

    A checkpoint is a folder of safetensors, a .safetensors or a .gguf file. Sketches find the pairs worth a test; what cannot be
    read is named and left out.
    """
    forest = grow(folder, Given(seed=seed, alpha=alpha))
    if out is not None:
        _write(forest, out)
    if kind == "json":
        output.document(plain(forest))
    else:
        _print(forest)


def _write(forest: Forest, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "tree.html").write_text(page.render(forest), "utf-8", newline="\n")
        (out / "tree.svg").write_text(svg(forest), "utf-8", newline="\n")
        (out / "tree.dot").write_text(dot(forest), "utf-8", newline="\n")
        (out / "tree.json").write_bytes(orjson.dumps(plain(forest), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise LineageError(f"{out}: cannot be written ({error.strerror})") from error
    output.say(f"wrote {out}/tree.html, tree.svg, tree.dot and tree.json")


def _print(forest: Forest) -> None:
    edges = [
        (e.parent, e.child, "exact" if e.exact else "calibrated", print_p(e.log10_p), f"{e.distance:.3f}", "; ".join(e.advice))
        for e in forest.edges
    ]
    output.table(("root", "descendants"), forest.roots)
    output.table(("parent (advice)", "child", "test", "p", "distance", "advice on the direction"), edges)
    output.table(("not read", "why"), forest.unreadable)
