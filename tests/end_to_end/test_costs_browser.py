"""What it costs, in a real Chromium: on a phone the table is scrolled and the page is not, and every bar is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.conftest import DESKTOP, PHONE, browser
from tests.end_to_end.test_pages_browser import Visit
from tests.web.demo_process import DemoProcess, demo_process

__all__ = ["browser"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with demo_process(tmp_path_factory.mktemp("full")) as running:
        yield running


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_card_of_costs(browser: Browser, station: DemoProcess, size: tuple[int, int]) -> None:
    visit = Visit(browser, station, size)
    page = visit.open("/health")
    card = page.locator(".card", has=page.get_by_role("heading", name="What it costs"))
    expect(card).to_contain_text("without a single token")
    expect(card).to_contain_text("While nothing happens, no token is used.")
    expect(card.get_by_role("img", name="Answers on each of 31 days; most on one day: 13")).to_be_visible()
    assert card.locator("svg title").count() == 3 * 31
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    table = card.get_by_role("region", name="Costs by month")
    wider = table.evaluate("one => one.scrollWidth > one.clientWidth")
    assert wider == (size == PHONE)
    expect(table.get_by_role("columnheader", name="Without a token")).to_be_visible()
    card.get_by_text("Day by day").click()
    expect(card.get_by_role("region", name="Costs by day")).to_contain_text("31 Mar")
    visit.close()
