"""
What an operator who knows the detector would do: one ladder of worlds a tactic, weakest first.

The first step of a ladder is a campaign that does not use the tactic. A harvest keeps its size where the tactic allows it, so
that what the tactic costs shows in tokens, in accounts or in prompts a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stillwatch.worlds.draft import Part
from stillwatch.worlds.shapes.agentic import Agentic
from stillwatch.worlds.shapes.hidden import Hidden
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.split import Split
from stillwatch.worlds.shapes.through_gateway import ThroughGateway

ACCOUNTS, HARVEST, COVER = 100, 24, 0.2  # a careless campaign: exchanges an account that are harvested, and cover, of all
BASE: Mapping[str, Any] = {"accounts": ACCOUNTS, "requests_an_account": HARVEST / (1 - COVER), "cover": COVER}
DAYS, RELEASE = 10.0, 0.55  # as the calibration world's
_WAITS = "answers when the account's own hours come"
POISON_STEPS = 5  # references learned one after the other, each from a world of DAYS


@dataclass(frozen=True)
class Step:
    """
    One strength of a tactic.

    Args:
        strength: In words.
        parts: The campaign; the benign parts are the calibration world's.
        pays: What it costs besides tokens, prompts a day and accounts; "" = nothing.
        days, release: Of the world.
        rewritten: Share of prompts that a model of the operator's writes again.
        own_cover: The campaign pays for its cover; False = others do.
        poison: Groups that drift from app to fleet, in each world that a reference is learned from; None = shipped reference.
    """

    strength: str
    parts: Mapping[str, Part]
    pays: str = ""
    days: float = DAYS
    release: float = RELEASE
    rewritten: float = 0.0
    own_cover: bool = True
    poison: int | None = None


@dataclass(frozen=True)
class Tactic:
    """
    One way to hide.

    Args:
        id: Stored with the results: never renamed.
        how: What the operator does.
        steps: Weakest first.
    """

    id: str
    how: str
    steps: tuple[Step, ...] = field(repr=False)


def hydra(**dials: Any) -> dict[str, Part]:
    """The campaign of the first steps, with dials turned."""
    return {"campaign": Hydra(**{**BASE, **dials})}


def _covered(many: float) -> Iterator[Step]:
    for cover in (COVER, 0.4, 0.6, 0.8, 0.9, 0.95):
        dials = {"cover": cover, "requests_an_account": HARVEST / (1 - cover), "many_customers": many}
        yield Step(f"cover {cover:.0%}", hydra(**dials))


def _clean(**dials: Any) -> dict[str, Part]:
    return hydra(infra_reuse=0.0, shared_client=0.0, pivot=0.0, **dials)


def _cells(size: int) -> dict[str, Part]:
    """The campaign in cells that have nothing in common but the operator."""
    cell = Hydra(**{**BASE, "accounts": size}, templates=1)
    return {f"cell-{n + 1}": cell for n in range(ACCOUNTS // size)}


def _through(keys: int) -> dict[str, Part]:
    total = 2 * ACCOUNTS * HARVEST
    return {"campaign": ThroughGateway(accounts=keys, requests_an_account=total / keys, cover=0.5)}


def _long(strength: str, pays: str, **dials: Any) -> Step:
    """Three weeks with a release after the first, as much harvested a day as in the other ladders."""
    days = 21.0
    requests = BASE["requests_an_account"] * days / DAYS
    return Step(strength, hydra(days=days, requests_an_account=requests, **dials), pays, days, 0.3)


TACTICS: tuple[Tactic, ...] = (
    Tactic(
        "A1",
        "requests wait for the account's own hours (jitter), and accounts send as much as each other, or as unevenly as anyone",
        (
            *(Step(f"jitter {j:.0%}", hydra(jitter=j), _WAITS) for j in (0.3, 0.6, 0.9, 1.0)),
            Step("jitter 100%, all alike", hydra(jitter=1.0, volume_sigma=0.0), _WAITS),
            Step("jitter 100%, like anyone", hydra(jitter=1.0, volume_sigma=1.8), _WAITS),
        ),
    ),
    Tactic("A2 one customer", "more cover, of one customer an account; the harvest stays as large", tuple(_covered(0.0))),
    Tactic("A2 many customers", "more cover, of many customers an account; the harvest stays as large", tuple(_covered(1.0))),
    Tactic(
        "A2 in place of harvest",
        "more cover, of many customers; an account sends no more than before, so the harvest shrinks",
        tuple(Step(f"cover {c:.0%}", hydra(cover=c, many_customers=1.0)) for c in (COVER, 0.4, 0.6, 0.8, 0.9)),
    ),
    Tactic(
        "A3",
        "a larger bank of templates",
        tuple(Step(f"{n:,} templates", hydra(templates=n), f"{n:,} templates to write") for n in (12, 50, 200, 1_000, 4_000)),
    ),
    Tactic(
        "A4",
        "the template is put in other words for each request",
        tuple(
            Step(f"{p:.0%} of requests", hydra(paraphrase=p), "a model that rewrites", rewritten=p)
            for p in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
    ),
    Tactic(
        "A5",
        "no template, and more output contracts, which are all that the requests have in common",
        tuple(
            Step(f"{n} contracts", {"campaign": Split(**BASE, contracts=n)}, f"{n} parsers to write")
            for n in (1, 8, 32, 128, 256)
        ),
    ),
    Tactic(
        "A6",
        "prompts open with a person and a name that are the account's own",
        tuple(Step(f"{s:.0%} of requests", hydra(persona=s, entity=s)) for s in (0.0, 0.25, 0.5, 0.75, 1.0)),
    ),
    Tactic(
        "A7",
        "each account keeps to few topics",
        tuple(Step(f"{s:.0%} of the harvest sorted", hydra(topic_shards=s)) for s in (0.0, 0.25, 0.5, 0.75, 1.0)),
    ),
    Tactic(
        "A8 with replacement",
        "prompts are drawn with replacement from a smaller pool",
        tuple(
            Step(f"pool {s:.0%} of the draws", hydra(pool=max(1, round(s * ACCOUNTS * HARVEST)) if s < 1 else None))
            for s in (1.0, 0.5, 0.2, 0.1, 0.05)
        ),
    ),
    Tactic(
        "A8 rejection sampling",
        "each prompt is sent several times, and one answer is kept",
        tuple(Step(f"{n} samples a prompt", hydra(samples=n)) for n in (1, 2, 4, 8, 16)),
    ),
    Tactic(
        "A9",
        "accounts are staggered, then bought and aged, then used one after another for a few days",
        (
            Step("all signed up within two days", hydra(signup="burst")),
            Step("staggered over sixty days", hydra(signup="staggered")),
            Step("staggered over half a year", hydra(signup="staggered", signup_days=180.0), "half a year of upkeep"),
            Step("aged like anyone's", hydra(signup="aged"), "aged accounts to buy"),
            Step("aged, three days in use", hydra(signup="aged", lifetime_days=3.0), "aged accounts to buy"),
            Step("aged, one day in use", hydra(signup="aged", lifetime_days=1.0), "aged accounts to buy"),
        ),
    ),
    Tactic(
        "A10",
        "fewer accounts on the campaign's cards, devices and networks, and with its client",
        tuple(
            Step(
                f"{reuse:.0%} on shared infrastructure, {client:.0%} with one client",
                hydra(infra_reuse=reuse, shared_client=client),
                f"{100 * (1 - reuse):.0f} cards, devices and networks of their own for 100 accounts",
            )
            for reuse, client in ((0.3, 0.8), (0.1, 0.8), (0.0, 0.8), (0.0, 0.4), (0.0, 0.0))
        ),
    ),
    Tactic(
        "A11",
        "a new model is taken up late, or not at all",
        (
            *(
                _long(
                    f"{d} days after a release", "the new model's answers, so much later" if d else "", pivot_delay_days=float(d)
                )
                for d in (0, 3, 7, 14)
            ),
            _long("never", "none of the new model's answers", pivot=0.0),
        ),
    ),
    Tactic(
        "A12",
        "the harvest goes under the system prompt of the most popular framework, with ever less template of its own",
        (
            Step("no framework", hydra()),
            *(Step(f"framework, {n:,} templates", {"campaign": Hidden(**BASE, recipes=n)}) for n in (12, 100, 1_000)),
            Step("framework, no template", {"campaign": Hidden(**BASE, recipes=0)}),
        ),
    ),
    Tactic(
        "A13",
        "the harvest goes through the keys of gateways, half of whose traffic is honest end users'",
        (
            Step("accounts of its own", hydra()),
            *(
                Step(f"{n} gateway keys", _through(n), "the gateways' price, and their silence", own_cover=False)
                for n in (60, 30, 15, 3)
            ),
        ),
    ),
    Tactic(
        "A14",
        f"groups that drift from app to fleet enter the {POISON_STEPS} worlds that the provider's own reference is learned from",
        tuple(
            Step(
                f"{n} groups a world",
                hydra(),
                f"{n * POISON_STEPS * 40:,} other accounts, {POISON_STEPS * DAYS:g} days before the harvest" if n else "",
                poison=n,
            )
            for n in (0, 3, 10, 20)
        ),
    ),
    Tactic(
        "A15",
        "small cells: fewer accounts a template, each cell with infrastructure and a queue of its own",
        (
            Step(f"{ACCOUNTS} accounts a cell", hydra()),
            *(
                Step(f"{n} accounts a cell", _cells(n), f"{ACCOUNTS // n} templates and sets of infrastructure")
                for n in (50, 25, 10, 5)
            ),
        ),
    ),
    Tactic(
        "A16",
        "tasks of several turns with tool results instead of single requests",
        (
            Step("single requests", hydra()),
            *(Step(f"{t} turns a task", {"campaign": Agentic(**BASE, turns=float(t))}) for t in (2, 4, 8, 16)),
        ),
    ),
    Tactic(
        "A2+A4+A10+A11",
        "disjoint infrastructure and no uptake of releases, then paraphrase, then cover, then no template: the known limit",
        (
            Step("none", hydra(many_customers=1.0)),
            Step("A10, A11", _clean(many_customers=1.0)),
            Step("and A4", _clean(many_customers=1.0, paraphrase=1.0), "a model that rewrites", rewritten=1.0),
            *(
                replace(step, rewritten=1.0, pays="a model that rewrites")
                for step in (
                    Step(
                        f"and cover {c:.0%}",
                        _clean(many_customers=1.0, paraphrase=1.0, cover=c, requests_an_account=HARVEST / (1 - c)),
                    )
                    for c in (0.4, 0.6, 0.8)
                )
            ),
            Step(
                "and no template",
                _clean(many_customers=1.0, paraphrase=1.0, recipes=0, cover=0.8, requests_an_account=HARVEST / 0.2),
                "a model that rewrites",
                rewritten=1.0,
            ),
        ),
    ),
)
