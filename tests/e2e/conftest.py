"""A headless Chromium for a running gallery."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# No requests to Google.
ARGUMENTS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
VISITOR_WAIT_MS = 60_000


@pytest.fixture(scope="session", autouse=True)
def chromium() -> str:
    """Return the path of the browser. Without one these tests are skipped, or fail in CI."""
    # Chrome first: GitHub runners have both, and AppArmor blocks the sandbox of Chromium there.
    path = shutil.which("google-chrome") or shutil.which("chromium")
    if path is None:
        reason = "Chromium is not installed; install the package chromium to run the browser tests"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Run Chromium. Not for the session, because Playwright keeps an event loop in this thread while it runs."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=ARGUMENTS, chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if the browser reports an error, such as a content security policy violation."""
    errors: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        yield page
    assert errors == []


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A page without JavaScript."""
    with browser.new_context(java_script_enabled=False) as context:
        yield context.new_page()


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Return a function that opens a page for another person. The test fails if a script raises an error."""
    errors: list[str] = []
    with ExitStack() as contexts:

        def open_page() -> Page:
            page = contexts.enter_context(browser.new_context()).new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.set_default_timeout(VISITOR_WAIT_MS)
            # Polling goes on until the page closes: a request that a handler is fetching then is not an error.
            contexts.callback(page.unroute_all, behavior="ignoreErrors")
            return page

        yield open_page
    assert errors == []
