import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from facegate.data.protocols.openset import read_open_set
from facegate.data.protocols.people import read_people
from facegate.errors import InputError
from facegate.evaluation.report import score_histogram, write_report
from facegate.evaluation.run import Evaluation
from facegate.models.pipeline import Pipeline
from tests.conftest import require

SLOW_MS = 120_000


def evaluation_of(protocol: object, pipeline: Pipeline) -> Evaluation:
    evaluation = Evaluation(protocol, aligned=True)  # type: ignore[arg-type]
    evaluation._pipelines["squares"] = pipeline
    return evaluation


def write(evaluation: Evaluation, path: Path) -> tuple[Path, Path]:
    result = evaluation.measure("squares")
    return write_report(path, evaluation, "squares", result, result.as_json())


@pytest.fixture
def report(squares: Pipeline, crowd: Path, tmp_path: Path) -> Path:
    """The report of a folder of people."""
    return write(evaluation_of(read_people(crowd), squares), tmp_path / "people.html")[0]


def test_a_report_holds_everything_it_shows(report: Path) -> None:
    contents = report.read_text("utf-8")
    headings = ("Figures", "Scores", "Reliability", "Groups", "Taken for each other")
    assert all(f"<h2>{heading}</h2>" in contents for heading in headings)
    assert "fewer than 30 people" in contents  # group y is not shown
    assert "<script" not in contents
    assert "http://" not in contents
    assert "https://" not in contents
    assert contents.count("data:image/jpeg;base64,") >= 24


def test_the_figures_lie_beside_it(report: Path) -> None:
    value = json.loads(report.with_suffix(".json").read_text())
    assert value["protocol"] == "people"
    assert value["tar"]["0.1"] is not None


def test_an_open_set_shows_dir_against_the_size_of_the_gallery(
    squares: Pipeline, crowd: Path, tmp_path: Path
) -> None:
    enrolled, probes = tmp_path / "enrolled", tmp_path / "probes"
    for person in range(40):
        for photo in range(4):
            side = enrolled if photo < 1 and person < 12 else probes
            target = side / f"p{person:02d}" / f"{photo}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(crowd / f"p{person:02d}" / f"{photo}.png")
    evaluation = evaluation_of(read_open_set(enrolled, probes), squares)
    contents = write(evaluation, tmp_path / "open.html")[0].read_text("utf-8")
    assert "DIR against the size of the gallery" in contents
    assert "DIR at FPIR 0.1" in contents


def test_a_place_that_cannot_be_written_to_is_named(
    squares: Pipeline, crowd: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"report\.html cannot be written"):
        write(evaluation_of(read_people(crowd), squares), tmp_path / "file" / "report.html")


def test_a_kind_without_scores_has_no_histogram() -> None:
    some, none = np.array([0.2, 0.3]), np.zeros(0)
    assert score_histogram("nothing", none, none, []) == []
    (chart,) = score_histogram("one kind", some, none, [(0.25, "here")])
    assert "one person" in chart
    assert "two people" not in chart
    (chart,) = score_histogram("the same everywhere", np.ones(3), np.ones(4), [])
    assert "nan" not in chart


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(
            executable_path=chromium, args=arguments, timeout=SLOW_MS
        )
        yield found
        found.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_complaint(
    browser: Browser, report: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    page.set_default_timeout(SLOW_MS)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed {request.url}"))
    page.goto(report.as_uri())
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # No table hides a column beside the page, on a phone neither.
    hidden = "[...document.querySelectorAll('.wide')].filter(w => w.scrollWidth > w.clientWidth)"
    assert page.evaluate(f"{hidden}.length") == 0
    broken = "[...document.images].filter(image => !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    context.close()
