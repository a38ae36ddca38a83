"""A real browser for tests: the system's Chromium, driven by Playwright; skipped where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Open(Protocol):
    """Opens a file or an address in a window of some width, and checks at the end that nothing went wrong."""

    def __call__(self, target: Path | str, width: int = 1200) -> Page:
        """Return the page."""
        ...


def executable() -> str | None:
    """Return the Chromium of this machine, or the one that CHROMIUM names."""
    return os.environ.get("CHROMIUM") or next((path for path in map(shutil.which, NAMES) if path), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a headless browser."""
    path = executable()
    if path is None:
        pytest.skip("no Chromium on this machine; install the package chromium or set CHROMIUM")
    sync = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Open pages; at the end no console error, no dialog and no request out of the file may have been seen."""
    wrong: list[str] = []
    contexts: list[Any] = []

    def open_one(target: Path | str, width: int = 1200) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page: Page = context.new_page()
        address = target.resolve().as_uri() if isinstance(target, Path) else target
        origin = address if isinstance(target, Path) else "/".join(address.split("/")[:3])
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: _dismiss(dialog, wrong))
        page.on("request", lambda request: _check(request.url, origin, wrong))
        page.goto(address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


def _dismiss(dialog: Dialog, wrong: list[str]) -> None:
    wrong.append(f"dialog {dialog.message}")
    dialog.dismiss()


def _check(address: str, origin: str, wrong: list[str]) -> None:
    if not address.startswith((origin, "data:", "blob:")):
        wrong.append(f"request {address}")
