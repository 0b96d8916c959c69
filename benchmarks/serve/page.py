"""How fast the page is: first paint, guidance of an enrolment, the gallery of 10,000 people.

python benchmarks/serve/page.py --people 10000

Needs Chromium. The recorded camera shows each of five looks for two seconds, in a loop. Targets:
somebody new enrolled in under 90 s, first paint under 1 s, guidance p95 under 100 ms a frame (one
WebSocket, 640 x 480, sending to answer), a page of the gallery under 300 ms from the click to 50
rows drawn. It takes a minute, two on a busy machine; each figure goes to the error stream as soon
as it is known, all of them to the output at the end.
"""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import skimage.data
from PIL import Image
from playwright.sync_api import Page, Playwright, sync_playwright
from serving import Serving, serving
from websockets.sync.client import connect

from facegate.clips import Shot, portrait, take
from facegate.gallery import Gallery, Sample
from facegate.models.zoo import DEFAULT_MODEL, card, installed_id

MARKS = ((205.0, 101.7), (246.8, 103.7), (224.7, 129.0), (201.7, 139.2), (245.3, 141.9))
LOOKS = (Shot(), Shot(yaw=21), Shot(yaw=-21), Shot(pitch=17), Shot(pitch=-17))
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
SHOW = """
async (step) => {
  const rows = () => document.querySelectorAll("tbody tr").length;
  const first = () => document.querySelector("tbody td")?.textContent;
  const old = first();
  const started = performance.now();
  const late = () => {
    if (performance.now() - started > 20000) throw new Error(`no rows: ${step}`);
  };
  if (step === "open") location.hash = "#/gallery";
  else [...document.querySelectorAll("button")].find((b) => b.textContent === "Next").click();
  while (rows() !== 50 || first() === old) {
    late();
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - started;
}
"""


def fill(home: Path, people: int) -> None:
    """Enrol people who do not exist, with random templates."""
    known, rng = card(DEFAULT_MODEL), np.random.default_rng(0)
    with Gallery.open(home / "gallery.db", model_id=installed_id(known), create=True) as gallery:
        for number in range(people):
            vector = rng.standard_normal(known.dim).astype(np.float32)
            sample = Sample(vector / np.linalg.norm(vector), 0.8, f"{number:064x}", 0)
            gallery.enroll(f"Person {number:05}", [sample])


def frames() -> list[bytes]:
    """Frames of the portrait in every look, as a browser sends them."""
    person = portrait(np.ascontiguousarray(skimage.data.astronaut()), np.array(MARKS, np.float32))
    found = []
    for shot in LOOKS:
        for seed in range(3):
            buffer = io.BytesIO()
            Image.fromarray(take(person, shot, seed=seed)).save(buffer, "JPEG", quality=90)
            found.append(buffer.getvalue())
    return found


def guidance(server: Serving, count: int) -> list[float]:
    """Return the milliseconds from a frame's sending to its answer."""
    head = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.address, headers=head, timeout=60) as client:
        version = client.get("/api/v1/settings").json()["consent"]["version"]
        body = {"name": "Eileen", "consent_version": version}
        session = client.post("/api/v1/collections/default/sessions", json=body).json()
    address = server.address.replace("http", "ws")
    stream = connect(
        f"{address}/api/v1/sessions/{session['id']}/stream?nonce={session['nonce']}",
        additional_headers=head,
        proxy=None,
    )
    pictures, took = frames(), []
    with stream:
        for number in range(count):
            started = time.perf_counter()
            stream.send(pictures[number % 3])  # straight only: it never ends by itself
            stream.recv(timeout=60)
            took.append((time.perf_counter() - started) * 1000)
            time.sleep(0.02)
    return took[10:]


def painted(page: Page, server: Serving) -> float:
    """Return the milliseconds from the navigation to the first contentful paint."""
    page.goto(server.address)
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    return float(page.evaluate(script))


def enrolled(playwright: Playwright, server: Serving, film: Path) -> float:
    """Return the seconds from the click to somebody enrolled, before a recorded camera."""
    film.write_bytes(b"".join(frame for frame in frames()[::3] for _ in range(60)))
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[*FLAGS, f"--use-file-for-fake-video-capture={film}"],
    )
    page = browser.new_page()
    page.goto(server.address)
    page.get_by_label("Or paste the link or an API key").fill(server.key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name of the person", exact=True).fill("Eileen")
    started = time.perf_counter()
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("button", name="I agree").click()
    page.locator(".verdict.match").wait_for(timeout=100_000)
    took = time.perf_counter() - started
    browser.close()
    return took


def gallery(page: Page, server: Serving) -> tuple[list[float], list[float]]:
    """Return the milliseconds to the first 50 people, and to each further 50."""
    page.goto(server.link)
    page.wait_for_selector("nav a")
    opened, turned = [], []
    for _ in range(5):
        page.goto(f"{server.address}/#/settings")
        page.get_by_role("heading", name="Settings", exact=True).wait_for()
        opened.append(float(page.evaluate(SHOW, "open")))
        turned += [float(page.evaluate(SHOW, "next")) for _ in range(3)]
    return opened, turned


def measure(home: Path, people: int, n_frames: int) -> dict[str, object]:
    """Return every figure; each is said as soon as it is known."""
    figures: dict[str, object] = {}

    def note(**known: object) -> None:
        figures.update(known)
        print(json.dumps(known), file=sys.stderr, flush=True)

    fill(home, people)
    note(people=people)
    with serving(home=home) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        note(first_paint_ms_worst_of_5=round(max(painted(page, server) for _ in range(5))))
        opened, turned = gallery(page, server)
        note(gallery_open_ms_worst_of_5=round(max(opened)))
        note(gallery_next_ms_worst_of_15=round(max(turned)))
        browser.close()
        guided = guidance(server, n_frames)
        note(guidance_frames=len(guided))
        note(guidance_ms_p50=round(float(np.percentile(guided, 50)), 1))
        note(guidance_ms_p95=round(float(np.percentile(guided, 95)), 1))
        seconds = [enrolled(playwright, server, home / f"{i}.mjpeg") for i in range(2)]
        note(enrolled_before_the_camera_s=[round(s, 1) for s in seconds])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=150)
    options = parser.parse_args()
    room = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=room) as folder:
        figures = measure(Path(folder), options.people, options.frames)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
