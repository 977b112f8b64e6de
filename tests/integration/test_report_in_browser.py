"""The report in a real browser: Debian's chromium, driven by Playwright."""

import csv
import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from tests.results import a_document, licensed
from tests.scanned import HOSTILE, a_scan, a_store

from stillwatch import report

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OPENS_IN_S = 3.0  # what a reader is asked to wait at most; on a busy two-core machine it took 0.4 s

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's chromium: apt-get install chromium"),
]


@dataclass
class Opened:
    """A page with all that it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def a_report(folder: Path, n_accounts: int, n_campaigns: int = 1, hostile: bool = False) -> Path:
    with a_store(folder / "store") as engine:
        document = a_scan(engine, n_accounts, n_campaigns, hostile)
        return report.write(engine, document, folder, account_names=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_report(tmp_path_factory.mktemp("small"), 300, 4)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_report(tmp_path_factory.mktemp("large"), 20_000)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_report(tmp_path_factory.mktemp("hostile"), 120, hostile=True)


def opened(browser: Browser, path: Path, **context: Any) -> Opened:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, **context)
    seen = Opened(page)
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    page.on("request", lambda request: seen.asked.append(request.url))
    page.goto(path.as_uri())
    return seen


def accounts(page: Page) -> Any:
    return page.locator('[data-table="accounts"]').first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_and_asks_for_nothing(browser: Browser, small: Path, scheme: Any) -> None:
    """In light and dark, no word on the console and no request but the page itself, also after using it."""
    seen = opened(browser, small, color_scheme=scheme)

    accounts(seen.page).get_by_role("button", name="Next page of accounts").click()
    seen.page.locator("[data-graph] svg").first.hover()
    seen.page.keyboard.press("Tab")

    assert seen.said == []
    assert seen.asked == [small.as_uri()]
    seen.page.close()


def test_twenty_thousand_accounts_open_fast(browser: Browser, large: Path) -> None:
    """A large campaign opens in seconds, stays small on disk, and is drawn with at most three hundred circles."""
    began = time.monotonic()
    seen = opened(browser, large)
    accounts(seen.page).locator("tbody tr").first.wait_for()
    took_s = time.monotonic() - began

    assert took_s < OPENS_IN_S
    assert large.stat().st_size < 8_000_000
    assert seen.said == []
    assert 0 < seen.page.locator("circle[data-n]").count() <= 300
    assert "of 20,000 accounts" in accounts(seen.page).get_by_role("status").inner_text()
    seen.page.close()


def test_a_small_report_is_a_small_file(small: Path) -> None:
    """Three hundred accounts in each of four campaigns stay under two megabytes."""
    assert small.stat().st_size < 2_000_000


def test_tables_sort_filter_and_page(browser: Browser, small: Path) -> None:
    """Headers sort both ways and say so; the filters and pages show what they say."""
    seen = opened(browser, small)
    grid = accounts(seen.page)
    header = grid.locator('th[data-key="weight_bits"]')

    header.get_by_role("button").click()
    down = [text.replace("\u2212", "-") for text in grid.locator("tbody tr td:nth-child(3)").all_inner_texts()]
    assert header.get_attribute("aria-sort") == "descending"
    assert [float(x) for x in down] == sorted((float(x) for x in down), reverse=True)

    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    up = [text.replace("\u2212", "-") for text in grid.locator("tbody tr td:nth-child(3)").all_inner_texts()]
    assert float(up[0]) < float(down[0])

    grid.locator("[data-membership]").select_option(label="probable")
    assert set(grid.locator("tbody tr td:nth-child(2)").all_inner_texts()) == {"probable"}
    grid.locator("[data-membership]").select_option(label="all")

    grid.get_by_role("button", name="Last page of accounts").click()
    assert grid.get_by_role("status").inner_text() == "276–300 of 300 accounts"
    grid.get_by_role("button", name="First page of accounts").click()

    name = grid.locator("tbody tr td").first.inner_text()
    grid.locator("[data-filter]").fill(name)
    assert grid.get_by_role("status").inner_text() == "1–1 of 1 accounts (300 in all)"
    grid.locator("[data-filter]").fill("nobody at all")
    assert grid.get_by_role("status").inner_text() == "no accounts fit"
    seen.page.close()


def test_the_whole_page_can_be_used_from_the_keyboard(browser: Browser, small: Path) -> None:
    """Skip link first; the graph moves by arrows, Enter hands its accounts to the table, keys zoom; headers sort by Enter."""
    seen = opened(browser, small)
    page = seen.page

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"

    graph = page.locator("[data-graph] svg").first
    graph.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("[data-told]").first.inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("circle.here").count() == 1
    assert re.search(r"(core|probable|touched): ", first)
    page.keyboard.press("Enter")
    assert "those of one circle" in accounts(page).get_by_role("status").inner_text()
    page.keyboard.press("+")
    assert graph.get_attribute("viewBox") != "0 0 960 560"
    page.keyboard.press("0")
    assert graph.get_attribute("viewBox") == "0.0 0.0 960.0 560.0"

    accounts(page).locator('th[data-key="account"] button').focus()
    page.keyboard.press("Enter")
    assert accounts(page).locator('th[data-key="account"]').get_attribute("aria-sort") == "ascending"

    slider = page.locator("[data-slider]").first
    slider.focus()
    page.keyboard.press("Home")
    assert "2 Nov 2026, 00:00 UTC" in page.locator("[data-readout]").first.inner_text()
    page.close()


def test_every_control_can_be_reached_by_tab(browser: Browser, small: Path) -> None:
    """Going through the page by Tab alone visits every visible control of the first campaign."""
    seen = opened(browser, small)
    page = seen.page
    wanted = page.evaluate(
        """() => { const first = document.getElementById('c-000000000001');
        const all = [...first.querySelectorAll('button, input, select, summary, [tabindex="0"]')]
            .filter(e => e.checkVisibility() && !e.disabled);
        all.forEach((e, i) => { e.dataset.stop = i; }); return all.length; }"""
    )

    reached = set()
    for _ in range(wanted + 60):
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.dataset.stop ?? null")
        if stop is not None:
            reached.add(stop)

    assert wanted > 20
    assert len(reached) == wanted
    page.close()


def test_pointing_at_the_graph_tells_what_it_is(browser: Browser, small: Path) -> None:
    """A circle names its account and ties, a mark its accounts; clicking a circle narrows the table, and a button undoes it."""
    seen = opened(browser, small)
    page = seen.page
    told = page.locator("[data-told]").first

    page.locator("circle[data-n]").first.hover()
    assert "core" in told.inner_text()
    page.locator(".marks path.k-payment").first.hover()
    assert re.fullmatch(r"payment [0-9a-f]{16}: 10 accounts of the campaign, of 10 in the log\.", told.inner_text())

    page.locator("circle[data-n]").first.click()
    clear = accounts(page).get_by_role("button", name="Show all accounts")
    clear.click()
    assert accounts(page).get_by_role("status").inner_text() == "1–25 of 300 accounts"
    page.close()


def test_folded_campaigns_open_when_they_are_linked_to(browser: Browser, small: Path) -> None:
    """The fourth campaign starts folded; its link in the contents opens it."""
    seen = opened(browser, small)
    body = seen.page.locator("#c-000000000004 details.body")
    assert body.get_attribute("open") is None

    seen.page.get_by_role("navigation").get_by_role("link", name="c-000000000004").click()

    assert body.get_attribute("open") is not None
    seen.page.close()


def test_hostile_strings_do_nothing(browser: Browser, hostile: Path) -> None:
    """Markup, escapes and direction overrides are text: no element, no title, no dialog, no request comes of them."""
    seen = opened(browser, hostile)
    page = seen.page
    dialogs: list[str] = []
    page.on("dialog", lambda d: dialogs.append(d.message))

    accounts(page).locator('th[data-key="account"] button').click()
    for query in ("</script", "⟨U+202E⟩", "{{ 7*7 }}"):
        accounts(page).locator("[data-filter]").fill(query)
        assert query in accounts(page).locator("tbody td").first.inner_text()

    assert page.title().endswith("Stillwatch")
    assert page.locator("img").count() == 0
    assert dialogs == []
    assert seen.said == []
    assert len(seen.asked) == 1
    page.close()


def test_script_that_gets_in_all_the_same_is_refused(browser: Browser, hostile: Path, tmp_path: Path) -> None:
    """Should an escape ever fail, the content policy stops the script, the handler and the request."""
    html = hostile.read_text("utf-8")
    forced = tmp_path / "forced.html"
    forced.write_text(
        html.replace(
            "</header>",
            "</header><script>document.title='owned'</script><img src='http://127.0.0.1:9/x' onerror=\"document.title='owned'\">",
            1,
        ),
        "utf-8",
    )

    seen = opened(browser, forced)
    seen.page.wait_for_timeout(200)

    assert "owned" not in seen.page.title()
    assert any("Content Security Policy" in said for said in seen.said)
    seen.page.close()


def test_csv_of_hostile_accounts_holds_no_formula(browser: Browser, hostile: Path) -> None:
    """The downloaded sheet has every account once, numbers as numbers, and a quote before what would be a formula."""
    seen = opened(browser, hostile, accept_downloads=True)

    with seen.page.expect_download() as waiting:
        accounts(seen.page).get_by_role("button", name="Download CSV").click()
    raw = Path(waiting.value.path()).read_text("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    assert waiting.value.suggested_filename == "accounts-c-000000000001.csv"
    assert len(rows) == 120
    names = {row["account"] for row in rows}
    assert "'" + HOSTILE[2] in names
    assert not [n for n in names if n[0] in "=+-@\t\r"]
    assert all(float(row["campaign_share"]) <= 1 for row in rows)
    assert all(row["first_seen"].endswith("Z") for row in rows)
    seen.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser: Browser, hostile: Path, scheme: Any) -> None:
    """WCAG 2 A and AA and best practices, with everything unfolded, in light and dark."""
    seen = opened(browser, hostile, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")

    found = Axe().run(seen.page)

    told = [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:160]}" for v in found.response["violations"]]
    assert told == []
    seen.page.close()


def test_axe_finds_no_violation_where_nothing_was_found(browser: Browser, tmp_path: Path) -> None:
    """The empty page is as accessible."""
    with a_store(tmp_path / "store") as engine:
        path = report.write(engine, a_document(), tmp_path, account_names=True)
    seen = opened(browser, path, bypass_csp=True)

    found = Axe().run(seen.page)

    assert [v["id"] for v in found.response["violations"]] == []
    seen.page.close()


def test_a_permission_is_seen_first(browser: Browser, tmp_path: Path) -> None:
    """A licensed campaign says that it is set aside above its evidence, by word and by mark."""
    with a_store(tmp_path / "store") as engine:
        document = a_scan(engine, 60)
        covered = a_document(licensed(document.campaigns[0]))
        path = report.write(engine, covered, tmp_path, account_names=True)
    seen = opened(browser, path)

    note = seen.page.get_by_role("complementary", name="Permission")
    assert "Example Data Ltd" in note.inner_text()
    assert seen.page.locator("article .badge").first.inner_text().strip() == "set aside"
    seen.page.close()


def test_print_shows_everything_and_hides_controls(browser: Browser, small: Path) -> None:
    """On paper there are no buttons, and folded campaigns are open."""
    seen = opened(browser, small)
    seen.page.emulate_media(media="print")
    seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")

    assert seen.page.locator("button:not(.sort):visible").count() == 0
    assert seen.page.locator("#c-000000000004 .waterfall").is_visible()
    assert len(seen.page.pdf()) > 50_000
    seen.page.close()


def test_it_reads_on_a_phone(browser: Browser, small: Path) -> None:
    """At 390 pixels the page itself never scrolls sideways; wide tables scroll inside their frames."""
    seen = opened(browser, small)
    seen.page.set_viewport_size({"width": 390, "height": 800})

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    seen.page.close()


def test_without_script_the_findings_are_there(browser: Browser, small: Path) -> None:
    """Where scripts are off the page still tells findings, evidence and the first accounts, and shows no dead control."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(small.as_uri())

    assert page.locator("#c-000000000001 .waterfall tbody tr").count() > 5
    assert page.locator('#c-000000000001 [data-table="accounts"] tbody tr').count() == 25
    assert page.locator("button:visible").count() == 0
    context.close()
