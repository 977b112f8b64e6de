"""`report.html`: one file that needs no network, made from `campaigns.json` and the tables behind it."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
import orjson
from markupsafe import Markup

from stillwatch.engine.base import Engine
from stillwatch.errors import EngineError
from stillwatch.privacy import pseudonym
from stillwatch.records.campaign import Campaign, Document
from stillwatch.records.visible import visible
from stillwatch.records.whole import whole
from stillwatch.report import links, timeline, waterfall, words
from stillwatch.report.gather import INFRASTRUCTURE, Facts, Gathered, gather

MAX_CIRCLES = 300  # docs/research.md, console: more cannot be told apart, and a browser slows down
MAX_CIRCLES_IN_ALL = 3_000  # keeps a page of a hundred campaigns under two megabytes of drawing
MIN_CIRCLES = 48
OPEN_CAMPAIGNS = 3  # further ones start folded
MAX_STRING = 2_000  # characters of one stranger's string that the page shows
SPOKEN = ("bits", "count", "day", "dollars", "figure", "minute", "moment", "odds", "probability", "share", "spelled", "tokens")
MEMBERSHIPS = ("core", "probable", "touched")


@dataclass(frozen=True, slots=True)
class View:
    """One campaign, ready for the template."""

    campaign: Campaign
    facts: Facts
    bars: list[waterfall.Bar]
    low: float
    high: float
    picture: links.Picture
    threads: list[str]
    drawn_kinds: frozenset[str]
    kinds: tuple[str, ...]
    time: timeline.Figure
    spark: str
    days: list[tuple[str, int, int]]
    median_a_day: float
    payload: Markup
    opened: bool

    @property
    def grouped(self) -> bool:
        """Does a circle stand for more than one account?"""
        return any(len(n.accounts) > 1 for n in self.picture.nodes)

    @property
    def set_aside(self) -> bool:
        """Does a permission lift the verdict?"""
        return self.campaign.entitlement is not None and self.campaign.entitlement.suppressed


def write(engine: Engine, document: Document, out: Path, account_names: bool) -> Path:
    """
    Write the report of a scan.

    Args:
        engine: Holds the tables of the scan (members, attributed, signatures, recipes, …).
        document: The contents of `campaigns.json`.
        out: The results folder.
        account_names: Name accounts as the log does; else by their keyed pseudonyms.

    Returns:
        `out/report.html`, written whole or not at all.

    Raises:
        EngineError: a table is missing, or the folder cannot be written.
    """
    page = render(document, gather(engine, document, account_names))
    target = out / "report.html"
    try:
        with whole(target) as beside:
            beside.write_text(page, "utf-8", newline="\n")
    except OSError as error:
        raise EngineError(f"{target}: cannot be written ({error.strerror})") from error
    return target


def render(document: Document, gathered: Gathered) -> str:
    """The page as one string."""
    style, script = _asset("style.css"), _asset("page.js")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stillwatch.report", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {name: getattr(words, name) for name in SPOKEN}
    environment.filters["drawing"] = Markup  # paths of our own numbers: longer than any stranger's string may be
    environment.globals |= {"plural": words.plural, "pseudonym": pseudonym}
    return environment.get_template("page.html").render(
        document=document,
        views=_views(document, gathered),
        hour_words=timeline.width_in_words(gathered.bins.width_s),
        style=Markup(style),  # noqa: S704  # our own package file
        script=Markup(script),  # noqa: S704  # our own package file
        policy=_policy(style, script),
        with_year=_spans_years(document),
        left=timeline.LEFT,
        plot=timeline.PLOT_WIDTH,
        verdicts=_verdicts(document),
        title=title(document),
    )


def _views(document: Document, gathered: Gathered) -> list[View]:
    n = len(document.campaigns)
    budget = max(min(MAX_CIRCLES, MAX_CIRCLES_IN_ALL // max(n, 1)), MIN_CIRCLES)
    return [_view(c, gathered, budget, i < OPEN_CAMPAIGNS) for i, c in enumerate(document.campaigns)]


def _view(campaign: Campaign, gathered: Gathered, budget: int, opened: bool) -> View:
    facts = gathered.facts[campaign.campaign_id]
    bars = waterfall.bars(campaign)
    low, high = waterfall.extent(bars)
    picture = links.picture(facts.hubs, facts.uses, [m.membership for m in facts.members], budget)
    whole = timeline.total(facts.series, gathered.bins.n)
    return View(
        campaign=campaign,
        facts=facts,
        bars=bars,
        low=low,
        high=high,
        picture=picture,
        threads=links.threads(picture),
        drawn_kinds=frozenset(facts.hubs[m.hub].kind for m in picture.marks),
        kinds=tuple(k for k in INFRASTRUCTURE if any(facts.shared[k])),
        time=timeline.figure(gathered.bins, gathered.all_traffic, facts.series, gathered.releases),
        spark=timeline.steps(whole, 0, 160, 26, 24),
        days=_days(gathered, whole),
        median_a_day=_median_a_day(facts),
        payload=_payload(campaign, facts, picture, gathered, whole),
        opened=opened,
    )


def _days(gathered: Gathered, whole: Sequence[int]) -> list[tuple[str, int, int]]:
    starts = timeline.row_starts(gathered.bins)
    sums = zip(starts, timeline.daily(gathered.bins, whole), timeline.daily(gathered.bins, gathered.all_traffic), strict=True)
    return [(words.day(at), n, n_all) for at, n, n_all in sums]


def _median_a_day(facts: Facts) -> float:
    rates = sorted(
        m.n_campaign_exchanges / max((m.last_seen - m.first_seen).total_seconds() / timeline.DAY_S, 1.0)
        for m in facts.members
        if m.membership != "touched"
    )
    return rates[len(rates) // 2] if rates else 0.0


def _verdicts(document: Document) -> dict[str, int]:
    found = dict.fromkeys(("confirmed", "likely", "watched", "cleared", "set aside"), 0)
    for campaign in document.campaigns:
        aside = campaign.entitlement is not None and campaign.entitlement.suppressed
        found["set aside" if aside else campaign.verdict] += 1
    return found


def title(document: Document) -> str:
    """The finding in one line: what is likely, else what is to be watched, else what is set aside; never more than was found."""
    n = _verdicts(document)
    where = f" in {words.plural(document.n_exchanges, 'exchange')}"
    strong = n["confirmed"] + n["likely"]
    if strong:
        kind = "confirmed" if n["confirmed"] == strong else "likely" if n["likely"] == strong else "confirmed or likely"
        return f"{words.spelled(strong)} {kind} campaign{'' if strong == 1 else 's'}".capitalize() + where
    if n["watched"]:
        return f"{words.spelled(n['watched'])} group{'' if n['watched'] == 1 else 's'} to watch".capitalize() + where
    if n["set aside"]:
        return f"{words.spelled(n['set aside'])} permitted campaign{'' if n['set aside'] == 1 else 's'}".capitalize() + where
    return "No campaign" + where


def _payload(campaign: Campaign, facts: Facts, picture: links.Picture, gathered: Gathered, whole: Sequence[int]) -> Markup:
    """What the page's script needs, as JSON that cannot end its element; every string is made visible beforehand."""
    node_of = {account: i for i, node in enumerate(picture.nodes) for account in node.accounts}
    members = facts.members
    tree = {
        "id": campaign.campaign_id,
        "accounts": {
            "account": [_shown(m.name) for m in members],
            "membership": [MEMBERSHIPS.index(m.membership) for m in members],
            "weight_bits": [round(m.weight_bits, 1) for m in members],
            "campaign_share": [round(m.campaign_share, 3) for m in members],
            "n_campaign_exchanges": [m.n_campaign_exchanges for m in members],
            "n_exchanges": [m.n_exchanges for m in members],
            **{k: facts.shared[k] for k in INFRASTRUCTURE if any(facts.shared[k])},
            "first_seen": [int(m.first_seen.timestamp()) for m in members],
            "last_seen": [int(m.last_seen.timestamp()) for m in members],
            "node": [node_of.get(i, -1) for i in range(len(members))],
        },
        "links": {
            "kind": [h.kind for h in facts.hubs],
            "id": [pseudonym(h.token) for h in facts.hubs],
            "n_accounts": [h.n_accounts for h in facts.hubs],
            "n_log_accounts": [h.n_log_accounts for h in facts.hubs],
            "concentration": [round(h.concentration, 3) for h in facts.hubs],
            "lift": [None if h.lift is None else round(h.lift, 1) for h in facts.hubs],
        },
        "nodes": [[n.x, n.y, n.radius, MEMBERSHIPS.index(n.membership), len(n.accounts), n.accounts[0]] for n in picture.nodes],
        "marks": [[m.x, m.y, m.radius, m.hub] for m in picture.marks],
        "lines": [list(line) for line in picture.lines],
        "time": {
            "start": gathered.bins.start_s,
            "width": gathered.bins.width_s,
            "all": gathered.all_traffic,
            "campaign": whole,
        },
    }
    return _embedded(tree)


def _spans_years(document: Document) -> bool:
    return len({at.year for c in document.campaigns for at in (c.first_seen, c.last_seen)}) > 1


def _embedded(tree: object) -> Markup:
    raw = orjson.dumps(tree).decode()
    for character in "<>&\u2028\u2029":
        raw = raw.replace(character, f"\\u{ord(character):04x}")
    return Markup(raw)  # noqa: S704  # JSON without a character that HTML knows


def _shown(value: object) -> object:
    """Every string that the template prints, made visible; Jinja escapes it afterwards."""
    return visible(value, MAX_STRING) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return resources.files("stillwatch.report").joinpath("assets", name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """A content policy under which the page can load and send nothing, and runs this script only."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
