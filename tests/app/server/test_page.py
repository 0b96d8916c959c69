"""The page in a real browser, with a film as its camera."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from facegate.gallery import Sample
from facegate.server.access.login import Logins
from tests.conftest import require

Pictures = dict[str, Path]
SLOW_MS = 120_000
expect.set_options(timeout=SLOW_MS)
VIEWS = ("enrol", "verify", "identify", "gallery", "activity", "settings")


@pytest.fixture(scope="module")
def film(looks: dict[str, list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loop of 10 s, each look for 2 s; the browser plays 30 frames a second."""
    path = tmp_path_factory.mktemp("film") / "looks.mjpeg"
    order = ("straight", "left", "up", "right", "down")
    path.write_bytes(b"".join(looks[look][i % 4] for look in order for i in range(60)))
    return path


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver of browsers; there can be one at a time."""
    with sync_playwright() as found:
        yield found


def launch(playwright: Playwright, *flags: str) -> Browser:
    """Start the installed Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium: apt-get install chromium")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(
        executable_path=chromium, args=[*arguments, *flags], timeout=SLOW_MS
    )


@pytest.fixture(scope="module")
def browser(playwright: Playwright, film: Path) -> Iterator[Browser]:
    """Chromium, whose camera is the film."""
    found = launch(
        playwright,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    yield found
    found.close()


@pytest.fixture
def page(browser: Browser, live: Any) -> Iterator[Page]:
    """The page, signed in by the link; any error in its console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SLOW_MS)
    found = context.new_page()
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    logins: Logins = live.services.logins
    found.goto(f"{live.address}/#login={logins.new_link()}")
    expect(found.get_by_role("heading", name="Enrol", exact=True)).to_be_visible(timeout=SLOW_MS)
    assert "login" not in found.url
    yield found
    context.close()
    assert errors == []


def go(page: Page, view: str) -> None:
    page.get_by_role("link", name=view.capitalize(), exact=True).click()
    heading = page.get_by_role("heading", name=view.capitalize(), exact=True)
    expect(heading).to_be_visible(timeout=SLOW_MS)


def enrol_photograph(page: Page, name: str, photograph: Path) -> None:
    go(page, "enrol")
    page.get_by_text("Or enrol from photographs").click()
    page.get_by_label("Name of the person in the photographs").fill(name)
    page.locator("details input[type=file]").set_input_files(photograph)
    expect(page.get_by_text(f"{name} is enrolled")).to_be_visible(timeout=SLOW_MS)


def identify(page: Page, photograph: Path, name: str) -> None:
    go(page, "identify")
    page.locator("main input[type=file]").set_input_files(photograph)
    expect(page.locator(".verdict strong").first).to_have_text(name, timeout=SLOW_MS)
    label = page.locator(".picture svg text")
    expect(label).to_have_text(name)
    plate = page.locator(".picture svg rect").last.bounding_box()
    text = label.bounding_box()
    assert plate
    assert text
    assert plate["width"] >= text["width"]


NAME = """(at) =>
  (at.getAttribute("aria-label") || at.labels?.[0]?.textContent || at.textContent).trim()"""
THERE = f"""(name) => [...document.querySelectorAll("a, button, input, select")].some(
  (at) => !at.closest("[hidden]") && ({NAME})(at) === name)"""


def tab_to(page: Page, name: str) -> list[str]:
    """Press Tab until something of this name has the focus; return what had it on the way."""
    page.wait_for_function(THERE, arg=name)
    passed: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        passed.append(str(page.evaluate(f"({NAME})(document.activeElement)")))
        if passed[-1] == name:
            return passed
    raise AssertionError(f"{name} was not reached: {passed}")


def choose(page: Page, name: str) -> None:
    """Press a button or follow a link by the keyboard alone."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def enrol_both(live: Any, pictures: Pictures) -> None:
    client = live.client("admin")
    for name, file in (("Ada", "ada-1"), ("Grace", "grace-1")):
        answer = client.post(
            "/api/v1/collections/default/identities",
            params={"name": name},
            content=pictures[file].read_bytes(),
        )
        assert answer.status_code == 201


def test_somebody_new_is_enrolled_by_the_keyboard_and_found(page: Page, pictures: Pictures) -> None:
    passed = tab_to(page, "Name of the person")
    assert passed[:3] == ["Skip to the content", "facegate", "Enrol"]
    assert passed[-2:] == ["Sign out", "Name of the person"]
    page.keyboard.type("Eileen")
    assert tab_to(page, "Start the camera") == ["Camera", "Start the camera"]
    page.keyboard.press("Enter")
    done = page.locator(".verdict strong").filter(has_text="Eileen is enrolled")
    expect(done).to_be_visible(timeout=4 * SLOW_MS)
    choose(page, "Try it: identify a photograph")
    expect(page.get_by_role("heading", name="Identify", exact=True)).to_be_visible()
    identify(page, pictures["ada-1"], "Eileen")
    page.get_by_role("button", name="Choose another").click()
    identify(page, pictures["grace-1"], "Unknown")


def test_people_are_mended_by_the_keyboard_alone(page: Page, live: Any, pictures: Pictures) -> None:
    enrol_both(live, pictures)
    choose(page, "Gallery")
    choose(page, "Open Ada")
    expect(page.get_by_role("heading", name="Ada", exact=True)).to_be_focused()
    choose(page, "Rename")
    page.keyboard.press("Control+A")
    page.keyboard.type("Countess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Countess", exact=True)).to_be_focused()
    choose(page, "Merge")
    page.keyboard.type("grace")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Grace", exact=True)).to_be_focused()
    expect(page.get_by_role("button", name="Open Countess")).to_have_count(0)
    choose(page, "Undo the last change")
    expect(page.get_by_role("button", name="Open Countess")).to_be_visible()
    choose(page, "Open Countess")
    expect(page.get_by_role("heading", name="Countess", exact=True)).to_be_focused()
    choose(page, "Remove")
    choose(page, "Remove")  # in the dialog
    expect(page.get_by_role("button", name="Open Countess")).to_have_count(0)
    page.locator(".skip").focus()
    choose(page, "Activity")
    choose(page, "Undo: removed Countess: 1 sample")
    expect(page.get_by_text("removed Countess: 1 sample (undone)")).to_be_visible()
    page.locator(".skip").focus()
    choose(page, "Gallery")
    choose(page, "Open Countess")
    choose(page, "Erase for good")
    choose(page, "Erase for good")
    expect(page.get_by_role("button", name="Open Countess")).to_have_count(0)
    expect(page.get_by_role("button", name="Open Grace")).to_be_visible()


def test_two_photographs_and_a_claim_are_compared(
    page: Page, live: Any, pictures: Pictures
) -> None:
    enrol_both(live, pictures)
    go(page, "verify")
    page.get_by_label("Who is it said to be?").fill("Grace")
    page.locator("main input[type=file]").first.set_input_files(pictures["ada-1"])
    said = page.locator(".verdict strong")
    expect(said).to_have_text("No match: Grace", timeout=SLOW_MS)
    page.get_by_role("button", name="With another photograph").click()
    page.locator("main input[type=file]").last.set_input_files(pictures["ada-3"])
    expect(said).to_have_text("Match", timeout=SLOW_MS)
    expect(page.get_by_text("strangers would match")).to_be_visible()


def test_the_gallery_turns_its_pages_to_the_last_and_no_further(page: Page, live: Any) -> None:
    gallery = live.services.collections.get("default").gallery
    dim = live.services.collections.recognizer().card.dim
    for number in range(51):
        row = np.eye(dim, dtype=np.float32)[number]
        gallery.enroll(f"Person {number:02}", [Sample(row, 0.9, f"{number:064x}", 0)])
    go(page, "gallery")
    rows, onward = page.locator("main tbody tr"), page.get_by_role("button", name="Next")
    expect(rows).to_have_count(50)
    onward.click()
    expect(rows).to_have_count(1)
    expect(onward).to_be_disabled()
    page.get_by_role("button", name="Open Person 50").click()
    page.get_by_role("button", name="Remove", exact=True).first.click()
    page.locator("dialog").get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(50)  # the page that is left empty is left
    expect(onward).to_be_disabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_shuts_anybody_out(page: Page, pictures: Pictures, scheme: Any) -> None:
    enrol_photograph(page, "Ada", pictures["ada-1"])
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for view in VIEWS:
            go(page, view)
            page.wait_for_load_state("networkidle")
            found = Axe().run(page).response["violations"]
            grave = [v["id"] for v in found if v["impact"] in ("serious", "critical")]
            assert grave == [], (view, width, found)
            across = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert across <= 0, (view, width)


def test_a_link_that_was_used_is_explained(browser: Browser, live: Any) -> None:
    context = browser.new_context()
    found = context.new_page()
    found.goto(f"{live.address}/#login=used")
    expect(found.get_by_text("The link was used, is too old")).to_be_visible(timeout=SLOW_MS)
    context.close()


def test_a_denied_camera_is_explained(playwright: Playwright, live: Any) -> None:
    browser = launch(playwright, "--use-fake-device-for-media-stream")
    context = browser.new_context()
    context.set_default_timeout(SLOW_MS)
    found = context.new_page()
    found.goto(f"{live.address}/#login={live.services.logins.new_link()}")
    found.get_by_label("Name of the person", exact=True).fill("Ada")
    found.get_by_role("button", name="Start the camera").click()
    denied = found.get_by_text("The browser was told not to use the camera")
    expect(denied).to_be_visible(timeout=SLOW_MS)
    browser.close()
    assert live.services.collections.get("default").gallery.count() == (0, 0)


def test_a_server_that_stops_in_the_middle_is_explained(browser: Browser, serving: Any) -> None:
    context = browser.new_context()
    context.set_default_timeout(SLOW_MS)
    found = context.new_page()
    with serving() as live:
        found.goto(f"{live.address}/#login={live.services.logins.new_link()}")
        found.get_by_label("Name of the person", exact=True).fill("Ada")
        found.get_by_role("button", name="Start the camera").click()
        expect(found.get_by_role("button", name="Cancel")).to_be_visible(timeout=SLOW_MS)
        expect(found.get_by_text("s left")).to_be_visible(timeout=SLOW_MS)
    expect(found.get_by_text("The connection was lost")).to_be_visible(timeout=SLOW_MS)
    context.close()
