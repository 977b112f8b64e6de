"""
Panels: scores of pairs known to be unrelated, on which tests without an exact null are calibrated.

Same-recipe, same-data strangers belong in a panel: they are the ones that fool a similarity score.
"""

import hashlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import orjson

from stillwatch.errors import LineageError

FORMAT = "stillwatch.lineage.panel/1"


@dataclass(frozen=True, slots=True)
class PanelScore:
    """One score of one test on one pair of strangers; `recipe` says what the two had in common."""

    test: str
    architecture: str
    recipe: str
    score: float


@dataclass(frozen=True, slots=True)
class Panel:
    """Scores of strangers; `panel_id` is a digest of the content, so a changed panel has another name."""

    panel_id: str
    scores: tuple[PanelScore, ...]

    def of(self, test: str) -> tuple[float, ...]:
        """Scores of one test, ascending."""
        return tuple(sorted(row.score for row in self.scores if row.test == test))

    def conformal_p(self, test: str, score: float) -> float:
        """
        Rank of a score among the strangers, (1 + #{stranger ≥ score}) / (N + 1); never below 1 / (N + 1).

        References:
            Vovk et al., Algorithmic Learning in a Random World (2005), ch. 2: valid where pair and panel are exchangeable.

        >>> Panel("", (PanelScore("t", "llama", "seeds", 1.0), PanelScore("t", "llama", "seeds", 3.0))).conformal_p("t", 2.0)
        0.6666666666666666
        """
        strangers = self.of(test)
        return (1 + sum(s >= score for s in strangers)) / (len(strangers) + 1)


def verdict_bar(strangers: Sequence[float]) -> float:
    """
    The score a verdict asks for beyond its p-value: as far above the largest stranger as that is above the median.

    A conformal p at level α calls a share α of strangers related, by construction; evidence against somebody needs a gap.

    >>> verdict_bar([0.0, 1.0, 3.0])
    5.0
    """
    return 2.0 * max(strangers) - statistics.median(strangers)


def stands_out(score: float, strangers: Sequence[float], log10_p: float, alpha: float) -> bool:
    """
    May a calibrated test call this score? Its rank must stand at `alpha`, and the score at the bar above all strangers.

    >>> stands_out(4.9, [0.0, 1.0, 3.0], -3.0, 0.01), stands_out(5.0, [0.0, 1.0, 3.0], -3.0, 0.01)
    (False, True)
    """
    return log10_p <= math.log10(alpha) + 1e-8 and score >= verdict_bar(strangers)


def load_panel(path: Path) -> Panel:
    """
    Read a panel file.

    Raises:
        LineageError: unreadable, not a panel, or a score that is no number.
    """
    try:
        raw = path.read_bytes()
        tree = orjson.loads(raw)
    except OSError as error:
        raise LineageError(f"{path}: the panel cannot be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise LineageError(f"{path}: the panel is not JSON: {error}") from error
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise LineageError(f"{path}: not a lineage panel: 'format' must be '{FORMAT}'")
    try:
        scores = tuple(
            PanelScore(str(group["test"]), str(group["architecture"]), str(group["recipe"]), float(score))
            for group in tree["groups"]
            for score in group["scores"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LineageError(f"{path}: every one of 'groups' needs test, architecture, recipe, and numbers as scores") from error
    return make_panel(scores)


def shipped_panel() -> Panel:
    """The panel that comes with Stillwatch: tiny Llamas of one recipe and one stream of data, by benchmarks/quality/lineage."""
    with resources.as_file(resources.files("stillwatch.lineage") / "panel.json") as path:
        return load_panel(path)


def make_panel(scores: tuple[PanelScore, ...]) -> Panel:
    """A panel named after its content."""
    return Panel("panel-" + hashlib.sha256(panel_bytes(scores)).hexdigest()[:12], scores)


def panel_bytes(scores: tuple[PanelScore, ...]) -> bytes:
    """A panel as it is stored: JSON, scores that have test, architecture and recipe in common together."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for row in scores:
        groups.setdefault((row.test, row.architecture, row.recipe), []).append(row.score)
    told = [{"test": t, "architecture": a, "recipe": r, "scores": sorted(s)} for (t, a, r), s in groups.items()]
    return orjson.dumps({"format": FORMAT, "groups": told}, option=orjson.OPT_APPEND_NEWLINE)
