"""A real browser for the tests of pages: started once for these tests, off the network, and told on for all that it complains of."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import browser_pages as pages
import pytest

FLAGS = (
    "--no-sandbox",  # needed as root, which continuous integration is
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


SECONDS = 180  # of one test; what playwright waits for in a page has no limit of its own


def pytest_collection_modifyitems(items):
    """One worker for all of them: the pages are made once, and one browser runs at a time."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture
def in_time():
    """A browser that answers no more ends its test, not the whole run."""

    def stop(number, frame):
        raise TimeoutError(f"the browser did not answer within {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@dataclass
class Shown:
    """A page in the browser, and what went wrong with it."""

    page: object
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def run(self, script: str, *arguments: object) -> object:
        """What a JavaScript function gives."""
        return self.page.evaluate(script, *arguments)

    def settle(self) -> None:
        """Two frames later: what was asked for is drawn. A browser of a busy machine may owe a frame for good: then a second is enough."""
        self.run("""() => new Promise(done => {
          requestAnimationFrame(() => requestAnimationFrame(done));
          setTimeout(done, 1000);
        })""")

    def colours(self, scheme: str) -> None:
        """Dark or light, as the reader's system asks."""
        self.page.emulate_media(color_scheme=scheme)
        self.settle()


# Of a module and not of the session: while playwright runs, its event loop runs too, and `asyncio.run` of other tests fails.
@pytest.fixture(scope="module")
def browser(browser_program) -> Iterator[object]:
    """The browser of a module of these tests; it starts in 0.7 seconds."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright; install the dev extra")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(browser_program), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def show(browser, in_time):
    """Opens a file in a fresh profile without a network; at its end nothing was complained of, and nothing asked for but the file."""
    contexts, opened = [], []

    def shown(file: Path, width: int = 1280, height: int = 900, scheme: str = "light") -> Shown:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, accept_downloads=False, locale="en-GB",
            timezone_id="UTC", reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        result = Shown(page)
        opened.append((file, result))
        page.on("console", lambda said: result.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: result.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (result.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: result.complaints.append(f"another window: {popup.url}"))
        context.on("request", lambda request: result.requests.append(request.url))
        page.goto(file.resolve().as_uri())
        result.settle()
        return result

    yield shown
    found = [(result.complaints, [url for url in result.requests if not inside(url, file)]) for file, result in opened]
    for context in contexts:
        context.close()
    assert found == [([], [])] * len(found)


def inside(url: str, file: Path) -> bool:
    """Whether what was asked for is the page itself, or what stands in it."""
    return url.split("#")[0] == file.resolve().as_uri() or url.startswith(("data:", "blob:"))


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """The report of 550 orders."""
    return pages.small(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def large(tmp_path_factory) -> Path:
    """The report of 24,570 orders."""
    return pages.large(tmp_path_factory.mktemp("large"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> Path:
    """The report of orders with hostile names."""
    return pages.hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def own(tmp_path_factory) -> Path:
    """The report of own fills with hostile names."""
    return pages.own(tmp_path_factory.mktemp("own"))
