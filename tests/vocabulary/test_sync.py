"""Fetching from a Danbooru-compatible API, tried on a server of our own: pages, troubles, interruptions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from anima_prompt.cli.main import commands
from anima_prompt.errors import DataFileError, InputError, LockError
from anima_prompt.locks import locked
from anima_prompt.vocabulary import Vocabulary
from anima_prompt.vocabulary.sync import Pace, fetch
from anima_prompt.vocabulary.user_store import UserStore

FAST = Pace(delay=0, back_off=0.01, timeout=0.5)
ROWS = [{"id": i, "name": f"tag_{i}", "post_count": i, "category": 0} for i in range(1, 2501)]


class Site(ThreadingHTTPServer):
    """Serves rows as the API does, newest first within a page; troubles are answered before the rows are."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows: dict[str, list[dict[str, Any]]] = {
            "tags": ROWS,
            "tag_aliases": [],
            "tag_implications": [],
            "artists": [],
        }
        self.troubles: list[Any] = []
        self.asked: list[str] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        trouble = self.server.troubles.pop(0) if self.server.troubles else None
        if trouble == "slow":
            time.sleep(1)
        if isinstance(trouble, int):
            self.send_response(trouble)
            self.send_header("Retry-After", "0")
            self.end_headers()
            return
        body = trouble if isinstance(trouble, bytes) else json.dumps(self.page()).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def page(self) -> list[dict[str, Any]]:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        after, limit = int(query["page"][0].removeprefix("a")), int(query["limit"][0])
        rows = self.server.rows[parts.path.removeprefix("/").removesuffix(".json")]
        return [row for row in rows if row["id"] > after][:limit][::-1]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def names(path: Path) -> list[str]:
    return [json.loads(line)["name"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_all_pages_are_fetched_once_in_the_order_of_their_ids(site: Site, tmp_path: Path) -> None:
    path = fetch("tags", tmp_path, base=site.base, until=date(2025, 9, 30), pace=FAST)
    assert names(path) == [f"tag_{i}" for i in range(1, 2501)]
    assert [parse_qs(urlsplit(asked).query)["page"] for asked in site.asked] == [
        ["a0"],
        ["a1000"],
        ["a2000"],
        ["a2500"],
    ]
    assert parse_qs(urlsplit(site.asked[0]).query)["search[created_at]"] == ["..2025-09-30"]


@pytest.mark.parametrize("troubles", [[429, 503], ["slow"], [500, "slow", 429]])
def test_passing_troubles_are_waited_out(site: Site, tmp_path: Path, troubles: list[Any]) -> None:
    site.troubles = list(troubles)
    assert len(names(fetch("tags", tmp_path, base=site.base, pace=FAST))) == 2500


def test_an_interrupted_run_goes_on_and_a_line_that_was_cut_off_is_fetched_again(site: Site, tmp_path: Path) -> None:
    site.troubles = [None, 404]
    with pytest.raises(InputError, match="answers 404"):
        fetch("tags", tmp_path, base=site.base, pace=FAST)
    part = tmp_path / "tags.part"
    part.write_bytes(part.read_bytes() + b'{"id": 1001, "na')
    path = fetch("tags", tmp_path, base=site.base, pace=FAST)
    assert names(path) == [f"tag_{i}" for i in range(1, 2501)]
    assert "page=a1000" in site.asked[2]
    assert not part.exists()


@pytest.mark.parametrize("answer", [b"<html>", b'{"error": "x"}', b"[1, 2]", b'[{"name": "no id"}]'])
def test_an_answer_of_another_shape_is_one_line(site: Site, tmp_path: Path, answer: bytes) -> None:
    site.troubles = [answer]
    with pytest.raises(DataFileError, match="is it a Danbooru API"):
        fetch("tags", tmp_path, base=site.base, pace=FAST)


def test_a_site_that_never_answers_is_given_up_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        fetch("tags", tmp_path, base="http://127.0.0.1:9", pace=Pace(delay=0, back_off=0.001, timeout=0.2))
    with pytest.raises(InputError, match="expected an address"):
        fetch("tags", tmp_path, base="file:///etc", pace=FAST)


def test_the_command_fetches_and_imports_everything(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMA_PROMPT_DATA", str(tmp_path))
    site.rows["tag_aliases"] = [{"id": 5, "antecedent_name": "other_7", "consequent_name": "tag_7", "status": "active"}]
    site.rows["tag_implications"] = [
        {"id": 8, "antecedent_name": "tag_7", "consequent_name": "tag_9", "status": "active"}
    ]
    site.rows["artists"] = [{"id": 6, "name": "brush_person", "other_names": ["brushy"], "is_deleted": False}]
    result = CliRunner().invoke(
        commands, ["tags", "sync", "--base", site.base, "--delay", "0", "--until", "2025-09-30"]
    )
    assert result.exit_code == 0, result.output
    table = Vocabulary.from_store(UserStore(tmp_path))
    assert table.lookup("tag_2500").post_count == 2500  # type: ignore[union-attr]
    assert table.lookup("other_7").name == "tag_7"  # type: ignore[union-attr]
    assert table.lookup("brushy").name == "brush_person"  # type: ignore[union-attr]
    assert table.implies("tag_7") == ["tag_9"]
    assert {path.suffix for path in (tmp_path / "sync").iterdir()} == {".lock"}


def test_a_site_that_has_none_of_a_kind_is_no_trouble(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMA_PROMPT_DATA", str(tmp_path))
    result = CliRunner().invoke(commands, ["tags", "sync", "--base", site.base, "--delay", "0", "--kind", "artists"])
    assert result.exit_code == 0, result.output
    assert "artists: none" in result.output
    assert {path.suffix for path in (tmp_path / "sync").iterdir()} == {".lock"}


def test_two_fetches_into_one_folder_are_refused(site: Site, tmp_path: Path) -> None:
    with locked(tmp_path / ".tags.lock"), pytest.raises(LockError, match="is writing to it"):
        fetch("tags", tmp_path, base=site.base, pace=FAST)
