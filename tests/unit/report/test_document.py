"""The page itself, without a browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.results import a_campaign, a_document, licensed
from tests.scanned import a_store

from stillwatch import report
from stillwatch.errors import EngineError
from stillwatch.records.campaign import Document
from stillwatch.report.document import render, title
from stillwatch.report.gather import gather


class Page(HTMLParser):
    """Tags, ids, text and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.said))


def a_page(scanned: Any, document: Document | None = None, account_names: bool = True) -> str:
    chosen = document or scanned.document
    return render(chosen, gather(scanned.engine, chosen, account_names))


@pytest.fixture(scope="module")
def html(scanned: Any) -> str:
    """The page of two campaigns, rendered once."""
    return a_page(scanned)


def payloads(html: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in re.findall(r'<script type="application/json">(.*?)</script>', html)]


def test_the_page_loads_and_runs_nothing_of_others(html: str) -> None:
    """No address of another place, no handler in an attribute, no style attribute; the policy allows this script alone."""
    page = Page(html)

    assert not re.findall(r"https?://", html)
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not {a for a in attributes if a.startswith("on")} | (attributes & {"style", "srcdoc", "action"})
    assert {(attrs.get("href") or "?")[0] for tag, attrs in page.tags if tag == "a"} == {"#"}
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert policy is not None
    assert len(script) == 1
    assert base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_ids_are_unique_and_links_lead_somewhere(html: str) -> None:
    """Every anchor and every label points to one element of the page."""
    page = Page(html)

    identifiers = [a["id"] for _, a in page.tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    wanted = [(a.get("href") or "")[1:] for t, a in page.tags if t == "a"]
    wanted += [a["aria-labelledby"] or "" for _, a in page.tags if "aria-labelledby" in a]
    assert set(wanted) <= set(identifiers)


def test_every_part_of_a_campaign_is_told(scanned: Any, html: str) -> None:
    """Finding, evidence counted or not, alternatives, recipes, economics, limits: all in words on the page."""
    text = Page(html).text
    campaign = scanned.document.campaigns[0]

    assert campaign.headline.capitalize() in text
    for item in campaign.evidence:
        assert item.in_words in text
    assert "not counted" in text
    assert "The benign explanation hardest to rule out is evaluation harness : a campaign is about 9 times likelier." in text
    for alternative in campaign.alternatives:
        assert alternative.name in text
    assert "$1,412" in text
    for limit in scanned.document.limits:
        assert limit.in_words in text
    assert "needs session_id" in text


def test_hostile_strings_are_text(hostile: Any) -> None:
    """Whatever names, models and wording hold, the page has the elements of a harmless one and shows what was hidden."""
    html = a_page(hostile)
    page = Page(html)

    assert not [t for t, _ in page.tags if t == "img"]
    assert len([t for t, _ in page.tags if t == "script"]) == 2
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\u2028\u2029\x1b]", html)
    assert "safe⟨U+202E⟩gnp.exe" in page.text
    assert "<img src=x onerror=document.title='owned'>" in page.text
    names = payloads(html)[0]["accounts"]["account"]
    assert "</script><script>document.title='owned'</script>" in names


def test_the_payload_holds_every_account_and_its_circle(html: str) -> None:
    """All columns are as long as there are accounts, and each account's circle counts it."""
    for payload in payloads(html):
        columns = payload["accounts"]
        assert {len(values) for values in columns.values()} == {60}
        for place, node in enumerate(payload["nodes"]):
            assert columns["node"].count(place) == node[4]


def test_the_same_scan_gives_the_same_page(scanned: Any, html: str) -> None:
    """There is no clock and no chance in it."""
    assert a_page(scanned) == html


def test_pseudonyms_only(scanned: Any, html: str) -> None:
    """Where accounts may not be named, no name of the log is on the page."""
    assert "acct_" in html
    assert "acct_" not in a_page(scanned, account_names=False)


def test_a_permission_is_told_and_counted_apart(scanned: Any) -> None:
    """A licensed campaign is shown as set aside, with holder and purpose, never left out."""
    first, second = scanned.document.campaigns

    text = Page(a_page(scanned, replace(scanned.document, campaigns=(first, licensed(second))))).text

    assert "Set aside: a permission covers it" in text
    assert "Example Data Ltd" in text
    assert "One is likely, one set aside because a permission covers it." in text


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (["likely", "likely", "watched"], "Two likely campaigns in 1,204,331 exchanges"),
        (["confirmed", "cleared"], "One confirmed campaign in 1,204,331 exchanges"),
        (["confirmed", "likely"], "Two confirmed or likely campaigns in 1,204,331 exchanges"),
        (["watched"], "One group to watch in 1,204,331 exchanges"),
        (["licensed", "licensed"], "Two permitted campaigns in 1,204,331 exchanges"),
        (["cleared"], "No campaign in 1,204,331 exchanges"),
    ],
)
def test_the_title_claims_no_more_than_was_found(verdicts: list[str], told: str) -> None:
    """Watched groups and permitted campaigns are not announced as campaigns found."""
    campaigns = [
        licensed(a_campaign(i)) if verdict == "licensed" else replace(a_campaign(i), verdict=verdict)
        for i, verdict in enumerate(verdicts)
    ]

    assert title(a_document(*campaigns)) == told


def test_nothing_found_is_said_with_its_limits(tmp_path: Path) -> None:
    """An empty result is a page too, and sends the reader to what could not be seen."""
    with a_store(tmp_path / "store") as engine:
        path = report.write(engine, a_document(), tmp_path, account_names=True)
    text = Page(path.read_text("utf-8")).text

    assert path == tmp_path / "report.html"
    assert "No campaign in 1,204,331 exchanges" in text
    assert "None of them harvests together" in text
    assert "fewer than 20 accounts" in text


def test_a_page_is_written_whole_or_not_at_all(scanned: Any, tmp_path: Path) -> None:
    """Where the folder cannot be written the error says so, and nothing is left behind."""
    with pytest.raises(EngineError, match=r"report\.html: cannot be written"):
        report.write(scanned.engine, scanned.document, tmp_path / "absent", account_names=True)

    assert list(tmp_path.iterdir()) == []


def test_a_scan_over_new_year_names_years(scanned: Any, html: str) -> None:
    """Tables name the year only where there are two."""
    first = scanned.document.campaigns[0]
    later = replace(first, last_seen=first.last_seen.replace(year=2027))

    across = a_page(scanned, replace(scanned.document, campaigns=(later,)))

    assert "<body data-years>" in across
    assert "<body data-years>" not in html
