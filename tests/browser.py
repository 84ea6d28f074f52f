"""A headless Chromium for tests of pages: Debian's `chromium`, driven by Playwright.

Where there is none the tests that need it are skipped; `.ci/run` installs it. DETENTE_CHROMIUM names another.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Quiet: no sandbox (tests may run as root), no graphics card, and no traffic of Chromium's own.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1600, "height": 1000}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium, or the test is skipped."""
    named = os.environ.get("DETENTE_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here: `apt-get install chromium`, or name one in DETENTE_CHROMIUM")
    return found


@pytest.fixture(scope="module")  # and no longer: while it runs, nothing else in this thread may run an event loop
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium with a new, empty profile."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of 1600 by 1000 pixels, without cookies or storage of an earlier one."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()
