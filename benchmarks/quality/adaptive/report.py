"""What the measured ladders say together: where each tactic works, and what it costs there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.worlds.grade import Share

HALF = 0.5

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rung:
    """
    One strength of a tactic, over all its seeds.

    Args:
        strength: In words.
        found, recall: Campaigns found, and accounts at core or probable of a likely campaign.
        tokens_a_prompt: Tokens spent for each different prompt harvested.
        prompts_a_day: Different prompts harvested an account and day.
        false_campaigns: Over all seeds.
    """

    strength: str
    found: Share
    recall: Share
    tokens_a_prompt: float
    prompts_a_day: float
    false_campaigns: int


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What a strength costs beside the first step of its ladder.

    Args:
        extra_tokens: More tokens a harvested prompt.
        times_tokens: Tokens a harvested prompt, as a multiple.
        lost_throughput: Share of the prompts an account and day that is lost; negative where there are more.
        extra_accounts: More accounts, for each hundred, that get the same harvest in the same days.
    """

    extra_tokens: float
    times_tokens: float
    lost_throughput: float
    extra_accounts: float


def recall(lines: Iterable[Line]) -> Share:
    """Accounts found of all accounts, over lines."""
    told = list(lines)
    return Share(sum(t["recall"][0] for t in told), sum(t["recall"][1] for t in told))


def ladder(lines: Sequence[Line], strengths: Sequence[str]) -> list[Rung]:
    """The rungs that were measured, in the order of the ladder."""
    by_strength = {s: [t for t in lines if t["strength"] == s] for s in strengths}
    return [_rung(strength, told) for strength, told in by_strength.items() if told]


def _rung(strength: str, told: Sequence[Line]) -> Rung:
    spent = [t["spent"] for t in told]
    prompts = sum(s["prompts"] for s in spent)
    return Rung(
        strength,
        Share(sum(t["found"][0] for t in told), sum(t["found"][1] for t in told)),
        recall(told),
        sum(s["tokens"] + s["wasted_tokens"] for s in spent) / prompts,
        prompts / sum(s["accounts"] * s["days"] for s in spent),
        sum(t["false_campaigns"] for t in told),
    )


def falls(rungs: Sequence[Rung]) -> int | None:
    """
    Place of the first rung at which less than half of the accounts are found; None where there is none.

    >>> falls([])
    """
    return next((n for n, r in enumerate(rungs) if r.recall.hits < HALF * r.recall.n), None)


def cost(first: Rung, there: Rung) -> Cost:
    """What one rung costs more than the first."""
    kept = there.prompts_a_day / first.prompts_a_day
    return Cost(
        there.tokens_a_prompt - first.tokens_a_prompt,
        there.tokens_a_prompt / first.tokens_a_prompt,
        1.0 - kept,
        100.0 * (1.0 / kept - 1.0),
    )
