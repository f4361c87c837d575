"""The web page, in headless Chromium: Debian's, since Playwright's own can't be fetched everywhere."""

import contextlib
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from mockchirp.server import Server
from mockchirp.settings import Settings

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@pytest.fixture
def page() -> Iterator[Page]:
    """The page of a server whose clock is frozen; an error in its script or console fails the test."""
    chromium = shutil.which("chromium")
    assert chromium, "the tests of the page need Debian's Chromium: apt-get install chromium"
    faults: list[str] = []
    with Server(Settings(port=0, clock_mode="frozen")) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(base_url=server.url)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto("/")
        yield page
        browser.close()
    assert not faults


def test_the_root_leads_to_the_page(page: Page) -> None:
    """Whoever opens the base URL finds the page, its key and the frozen clock at its start."""
    assert page.url.endswith("/_mockchirp/ui")
    expect(page.get_by_label("App key")).to_have_value("sk_test_app_local")
    expect(page.locator("#now")).to_have_text("2026-01-15T10:30:00.000Z")


def test_a_call_is_placed_and_followed(page: Page) -> None:
    """The form places a call, the buttons move time, and the table shows what happens, newest first."""
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator("#events tr")).to_have_count(1)
    expect(page.locator("#events")).to_contain_text("calls.initiated")

    page.get_by_role("button", name="until idle").click()

    expect(page.locator("#events tr").first).to_contain_text("calls.completed")
    expect(page.locator("#events")).to_contain_text("calls.answered")
    expect(page.locator("#now")).to_have_text("2026-01-15T10:32:05.000Z")
    expect(page.locator("#mode")).to_contain_text("0 pending")


def test_a_refusal_is_shown_in_words(page: Page) -> None:
    """What the mock refuses is said on the page, and goes away with the next success."""
    page.get_by_label("to", exact=True).fill("5551234")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("to '5551234' is not a phone number"))

    page.get_by_label("to", exact=True).fill("+15559876543")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.get_by_role("alert")).to_be_empty()


def test_each_key_shows_its_own_sandbox(page: Page) -> None:
    """Another key shows another sandbox, in which nothing has happened."""
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator("#events")).to_contain_text("calls.initiated")

    page.get_by_label("App key").fill("sk_test_app_other")
    page.get_by_role("button", name="Show this sandbox").click()

    expect(page.locator("#events tr")).to_have_count(0)


NGINX = """
daemon off; pid {home}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /chirp/ {{ proxy_pass {url}/; }}
  }}
}}
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Iterator[str]:
    """The URL of a server behind nginx, which serves it under a path of its own."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("needs nginx")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    public_url = f"http://127.0.0.1:{port}/chirp"
    with Server(Settings(port=0, clock_mode="frozen", public_url=public_url)) as server:
        config = tmp_path / "nginx.conf"
        config.write_text(NGINX.format(home=tmp_path, port=port, url=server.url))
        proxy = subprocess.Popen([nginx, "-c", str(config), "-p", str(tmp_path)], stderr=subprocess.DEVNULL)
        try:
            while proxy.poll() is None:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
            assert proxy.poll() is None, "nginx does not start"
            yield public_url
        finally:
            proxy.terminate()
            proxy.wait()


def test_the_page_works_under_a_path_of_a_proxy(prefix: str) -> None:
    """From the redirect to the place of a call, and so do its links."""
    chromium = shutil.which("chromium")
    assert chromium, "the tests of the page need Debian's Chromium: apt-get install chromium"
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{prefix}/")
        assert page.url == f"{prefix}/_mockchirp/ui"
        expect(page.locator("#base")).to_have_text(prefix)
        page.get_by_role("button", name="Call", exact=True).click()
        expect(page.locator("#events")).to_contain_text("calls.initiated")
        page.get_by_role("button", name="until idle").click()
        expect(page.locator("#events tr").first).to_contain_text("calls.completed")
        for link in page.locator("nav a").all():
            answer = page.request.get(urljoin(page.url, str(link.get_attribute("href"))))
            assert "openapi" in answer.text()
        browser.close()
    assert not faults
