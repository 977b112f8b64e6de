"""`tree.html`: the families of a folder of checkpoints, as one file that needs no network."""

import base64
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from stillwatch.lineage.base import print_p
from stillwatch.lineage.tree import Forest
from stillwatch.lineage.tree_drawing import svg
from stillwatch.records.visible import visible

MAX_STRING = 500  # characters of one name or reason that the page shows


def render(forest: Forest) -> str:
    """The page as one string."""
    style = "".join(resources.files("stillwatch.report").joinpath("assets", name).read_text("utf-8") for name in _STYLES)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stillwatch.report", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters["p"] = print_p
    return environment.get_template("lineage_tree.html").render(
        forest=forest,
        families=[name for name, n in forest.roots if n],
        picture=Markup(svg(forest)) if forest.sketches else "",  # noqa: S704  # svg escapes every name
        style=Markup(style),  # noqa: S704  # our own package files
        policy=_policy(style),
    )


_STYLES = ("style.css", "lineage.css", "lineage_tree.css")


def _visible(value: object) -> object:
    """Every string that the template prints, made visible; Jinja escapes it afterwards."""
    return visible(value, MAX_STRING) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy(style: str) -> str:
    """A content policy under which the page can load, send and run nothing."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
