"""
What a template must have before its sketch may leave: enough accounts, enough requests, enough words, few benign hits.

Fixed in code, not in settings: a floor that can be lowered protects nobody. A recipe below one is left out and named, with
the floor it missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stillwatch.records.campaign import Campaign, RecipeUse
from stillwatch.sharing.export import sketch
from stillwatch.sharing.export.sketch import Epoch

MIN_ACCOUNTS = 5  # docs/research.md, exchange: below, a template can be one customer's own words
MIN_REQUESTS = 100
MIN_SHINGLES = 40
MIN_BENIGN_TEXTS = 1_000  # fewer cannot tell a common phrase from a rare one
MAX_BENIGN_HITS_PER_MILLION = 100.0
MIN_NETWORK_ACCOUNTS = 5


@dataclass(frozen=True, slots=True)
class Template:
    """A template that may leave: its sketch, rounded support, benign hits per million."""

    recipe: str
    sketched: bytes
    accounts_min: int
    requests_bucket: int
    benign_hits_per_million: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A recipe that stays in the house, and why."""

    recipe: str
    reason: str


def templates(campaign: Campaign, epoch: Epoch, benign: "Benign") -> tuple[list[Template], list[LeftOut]]:
    """The recipes of a campaign, sorted into those that may leave and those that stay."""
    kept: list[Template] = []
    left: list[LeftOut] = []
    for recipe in campaign.recipes:
        judged = _judge(recipe, round(recipe.share * campaign.n_exchanges), epoch, benign)
        (kept.append if isinstance(judged, Template) else left.append)(judged)  # type: ignore[arg-type]  # told apart above
    return kept, left


def _judge(recipe: RecipeUse, n_requests: int, epoch: Epoch, benign: "Benign") -> Template | LeftOut:
    if recipe.sketch is None:
        return LeftOut(recipe.id, "its wording is not shared by enough accounts to be shown, or the log had no text")
    if recipe.n_accounts < MIN_ACCOUNTS:
        return LeftOut(recipe.id, f"fewer than {MIN_ACCOUNTS} accounts run it")
    if n_requests < MIN_REQUESTS:
        return LeftOut(recipe.id, f"fewer than {MIN_REQUESTS} requests run it")
    sketched = sketch.sketch(recipe.sketch, epoch)
    if sketched is None or len(sketch.shingles(recipe.sketch)) < MIN_SHINGLES:
        return LeftOut(recipe.id, f"fewer than {MIN_SHINGLES} runs of four words are left without slots and numbers")
    hits = benign.hits_per_million(sketched)
    if hits > MAX_BENIGN_HITS_PER_MILLION:
        return LeftOut(recipe.id, f"more than {MAX_BENIGN_HITS_PER_MILLION:g} in a million benign requests would match it")
    return Template(recipe.id, sketched, power_of_two(recipe.n_accounts), n_requests.bit_length() - 1, round(hits, 1))


class Benign:
    """
    A member's own ordinary requests, sketched once, to measure how often an indicator would hit a bystander.

    Cost: some 0.1 ms a text of a hundred words.

    Args:
        texts: Requests that nobody suspects.
        epoch: The key that the indicators are sketched with.

    Raises:
        ValueError: fewer than 1,000 texts have four words in a row.
    """

    def __init__(self, texts: Iterable[str], epoch: Epoch) -> None:
        self._sketches = [one for one in sketch.sketches(texts, epoch) if one is not None]
        if len(self._sketches) < MIN_BENIGN_TEXTS:
            raise ValueError(f"fewer than {MIN_BENIGN_TEXTS} benign texts of four words and more")

    def hits_per_million(self, sketched: bytes) -> float:
        """Texts that would match, in a million."""
        hits = sum(sketch.similarity(sketched, one) >= sketch.THRESHOLD for one in self._sketches)
        return hits * 1e6 / len(self._sketches)


def power_of_two(count: int) -> int:
    """
    The largest power of two that is not above a count: how counts leave the house.

    >>> power_of_two(21)
    16
    """
    if count < 1:
        raise ValueError("there is no power of two below 1")
    return 1 << (count.bit_length() - 1)
