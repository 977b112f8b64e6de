"""The lineage page in a real browser: drawn as computed, readable by all, and silent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from tests.lineages import a_lineage

from stillwatch.report.lineage import write
from stillwatch.report.lineage_pictures import Histogram, draw

CHROMIUM = "/usr/bin/chromium"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the page lies."""
    return write(a_lineage(), tmp_path_factory.mktemp("page") / "lineage.html").as_uri()


def test_bars_are_as_tall_and_as_wide_as_computed(browser: Browser, address: str) -> None:
    """No rule of the style sheet overrides the picture's own numbers."""
    drawn = draw(a_lineage().results[0].pictures[0])
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)

    sizes = page.evaluate(
        "[...document.querySelector('svg.picture').querySelectorAll('rect.column')].map(r => r.getBBox())"
        ".map(box => [box.width, box.height])"
    )
    page.close()

    assert isinstance(drawn, Histogram)
    assert [[round(w, 1), round(h, 1)] for w, h in sizes] == [[round(c.width, 1), round(c.height, 1)] for c in drawn.columns]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_and_it_asks_for_nothing(browser: Browser, address: str, scheme: str) -> None:
    """No accessibility violation, no request, no message, in both colour schemes."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})  # type: ignore[arg-type]  # two words
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("request", lambda request: heard.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    page.goto(address)

    found = Axe().run(page)
    page.close()

    assert heard == []
    assert found.violations_count == 0, found.generate_report()


def test_a_telephone_shows_it_without_scrolling_sideways(browser: Browser, address: str) -> None:
    """Wide tables scroll in their own frames."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(address)

    width = page.evaluate("document.documentElement.scrollWidth")
    page.close()

    assert width <= 390
