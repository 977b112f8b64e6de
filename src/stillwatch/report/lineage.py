"""`lineage.html`: what lineage tests found, as one file that needs no network."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from stillwatch.errors import LineageError
from stillwatch.lineage.base import print_p
from stillwatch.records.lineage import LineageDocument, ResultRecord
from stillwatch.records.visible import visible
from stillwatch.records.whole import whole
from stillwatch.report import words
from stillwatch.report.lineage_pictures import HEIGHT, WIDTH, Drawing, draw, figure

MAX_STRING = 2_000  # characters of one stranger's string that the page shows
MAX_PARTS = 400  # rows of one result's detail on the page; all are in lineage.json
KINDS = {
    "exact reject of independence": "reject",
    "calibrated": "calibrated",
    "compatible": "compatible",
    "excluded": "excluded",
    "no power": "no-power",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One result, ready for the template."""

    result: ResultRecord
    anchor: str
    kind: str
    drawings: tuple[Drawing, ...]
    hidden_parts: int


def write(document: LineageDocument, target: Path) -> Path:
    """
    Write the report, whole or not at all.

    Raises:
        LineageError: the file cannot be written.
    """
    try:
        with whole(target) as beside:
            beside.write_text(render(document), "utf-8", newline="\n")
    except OSError as error:
        raise LineageError(f"{target}: cannot be written ({error.strerror})") from error
    return target


def render(document: LineageDocument) -> str:
    """The page as one string."""
    style = _asset("style.css") + _asset("lineage.css")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stillwatch.report", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"p": print_p, "figure": figure, "count": words.count, "minute": words.minute}
    shown = [_shown(i, result) for i, result in enumerate(document.results)]
    return environment.get_template("lineage.html").render(
        document=document,
        shown=shown,
        by_base=[(base, [s for s in shown if s.result.base == base]) for base in document.bases],
        tests=list(dict.fromkeys(s.result.test for s in shown)),
        cells={(s.result.test, s.result.base): s for s in shown},
        kinds=KINDS,
        title=_title(shown),
        plural=words.plural,
        max_parts=MAX_PARTS,
        width=WIDTH,
        height=HEIGHT,
        style=Markup(style),  # noqa: S704  # our own package files
        policy=_policy(style),
    )


def _shown(number: int, result: ResultRecord) -> Shown:
    drawings = [draw(picture) for picture in result.pictures]
    return Shown(
        result,
        f"r{number + 1}",
        KINDS[result.verdict],
        tuple(drawing for drawing in drawings if drawing is not None),
        max(0, len(result.parts) - MAX_PARTS),
    )


def _title(shown: Sequence[Shown]) -> str:
    rejected = sorted({s.result.base for s in shown if s.kind == "reject"})
    calibrated = sorted({s.result.base for s in shown if s.kind == "calibrated"} - set(rejected))
    if rejected:
        return f"Not independent of {' and '.join(rejected)}"
    if calibrated:
        return f"Closer to {' and '.join(calibrated)} than strangers are"
    return "No descent shown"


def _visible(value: object) -> object:
    """Every string that the template prints, made visible; Jinja escapes it afterwards."""
    return visible(value, MAX_STRING) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return resources.files("stillwatch.report").joinpath("assets", name).read_text("utf-8")


def _policy(style: str) -> str:
    """A content policy under which the page can load, send and run nothing."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
