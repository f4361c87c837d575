"""Recordings in a browser: how long its player takes them to be, and that it keeps none."""

import shutil
from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Page, sync_playwright

from mockchirp.core.recordings import FORMATS
from mockchirp.server import Server
from mockchirp.settings import Settings

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
SECONDS = (0, 2, 30, 3600)
SEEK = """
async ([url, places]) => {
  const audio = new Audio();
  const heard = (name) => new Promise((resolve, reject) => {
    audio.addEventListener(name, resolve, {once: true});
    audio.addEventListener("error", () => reject(new Error(audio.error.message)), {once: true});
    setTimeout(() => reject(new Error(`${name} did not come`)), 10_000);
  });
  const ready = heard("loadedmetadata");
  audio.src = url;
  await ready;
  const durations = [audio.duration];
  for (const place of places) {
    const there = heard("seeked");
    audio.currentTime = Math.max(0, place < 0 ? audio.duration + place : audio.duration * place);
    await there;
    durations.push(audio.duration);
  }
  return durations;
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(Settings(port=0, clock_mode="frozen")) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: Server) -> Iterator[Page]:
    """A page of the server, so that its player may fetch from there."""
    chromium = shutil.which("chromium")
    assert chromium, "the tests of the page need Debian's Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(base_url=server.url)
        page.goto("/")
        yield page
        browser.close()


@pytest.fixture
def record(server: Server) -> Callable[[str, int], str]:
    """Has a call recorded for some seconds; the link to the file."""

    def record(format: str, seconds: int) -> str:
        with httpx2.Client(base_url=server.url, headers={"Authorization": "Bearer sk_test_app_local"}) as chirp:
            call_id = chirp.post("/v1/calls", json={"from": "+15551234567", "to": "+15005550007"}).json()["id"]
            chirp.post("/_mockchirp/clock/advance", json={"by": 5})
            chirp.post(f"/v1/calls/{call_id}/commands", json={"type": "start_recording", "format": format})
            chirp.post("/_mockchirp/clock/advance", json={"by": seconds})
            chirp.delete(f"/v1/calls/{call_id}")
            chirp.post("/_mockchirp/clock/advance", json={"by": 2})
            (recording,) = chirp.get(f"/v1/calls/{call_id}/recordings").json()["data"]
        assert recording["duration"] == seconds
        return str(recording["fileUrl"])

    return record


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("format", FORMATS)
def test_seeking_does_not_change_how_long_a_recording_is(
    page: Page, record: Callable[[str, int], str], format: str, seconds: int
) -> None:
    """To the beginning, the middle, near the end and to the very end, there and back."""
    durations = page.evaluate(SEEK, [record(format, seconds), [0, 0.5, 0.9, -0.1, 1, 0.5, 0.99, 0, -0.01, 1]])

    assert set(durations) == {durations[0]}
    assert durations[0] == pytest.approx(seconds or 0.08, abs=0.1)


def test_a_browser_does_not_keep_a_link_alive(page: Page, server: Server, record: Callable[[str, int], str]) -> None:
    """What it has fetched once it fetches again, and hears that the link is dead."""
    link = record("ogg", 2)
    fetch = "async (url) => (await fetch(url)).status"
    assert page.evaluate(fetch, link) == 200

    advance = f"{server.url}/_mockchirp/clock/advance"
    httpx2.post(advance, json={"by": "1h"}, headers={"Authorization": "Bearer sk_test_app_local"}).raise_for_status()

    assert page.evaluate(fetch, link) == 403
