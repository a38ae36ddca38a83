"""Blind review in the browser: a server on the loopback address that shows pairs and records votes.

It serves the page and the images of the pairs, under an address that contains a secret; it never sends which value made
an image.
"""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from anima_infer.errors import GridError
from anima_infer.grid.pages.report import ASSETS
from anima_infer.grid.pages.review import Review
from anima_infer.grid.votes.votes import MOST_NAME
from anima_prompt.pages import inline, render_page

LOOPBACK = "127.0.0.1"
_MOST_BODY = 4096


class ReviewServer(ThreadingHTTPServer):
    """Serves one review on the loopback address."""

    daemon_threads = True

    def __init__(self, review: Review, port: int = 0) -> None:
        """Open a port; 0 chooses a free one.

        Raises:
            GridError: the port cannot be opened.
        """
        self.review, self.token = review, secrets.token_urlsafe(18)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise GridError(f"port {port} cannot be opened ({error.strerror}); choose another with --port") from None

    @property
    def address(self) -> str:
        """Address of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version, sys_version = "anima-infer", ""
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer with the page, a pair or an image."""
        path = self._path_after_secret()
        if path is None:
            return
        if path == "":
            self._page()
        elif path == "next":
            self._next()
        elif path.startswith("image/"):
            content = self.server.review.image(path.removeprefix("image/"))
            self._send(HTTPStatus.OK, content, "image/png") if content else self._refuse(HTTPStatus.NOT_FOUND)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Record a vote, or undo the last one."""
        path = self._path_after_secret()
        if path is None:
            return
        data = self._body()
        voter = _voter((data or {}).get("voter"))
        if data is None or voter is None:
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif path == "vote":
            recorded = self.server.review.vote(
                voter, str(data.get("pair")), str(data.get("choice")), _seconds(data.get("seconds"))
            )
            self._json({"recorded": recorded})
        elif path == "undo":
            self._json({"undone": self.server.review.votes.undo(voter)})
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _path_after_secret(self) -> str | None:
        """Return the path after the secret; None if the request is refused, which has then been answered."""
        hosts = {f"{name}:{self.server.server_port}" for name in (LOOPBACK, "localhost")}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in hosts or (origin and origin not in {f"http://{host}" for host in hosts}):
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        token, slash, path = urlsplit(self.path).path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return path

    def _page(self) -> None:
        style, script = inline(ASSETS / "review.css"), inline(ASSETS / "review.js")
        page = render_page(ASSETS / "review.html", style=style, script=script)
        self._send(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")

    def _next(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        voter, ahead = _voter(query.get("voter", [None])[0]), query.get("ahead", ["0"])[0]
        if voter is None or not ahead.isdecimal() or len(ahead) > 6:
            self._refuse(HTTPStatus.BAD_REQUEST)
        else:
            self._json(self.server.review.next_pair(voter, int(ahead)))

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BODY:
            self.close_connection = True
            return None
        try:
            data = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        return data if isinstance(data, dict) else None

    def _json(self, data: Any) -> None:
        self._send(HTTPStatus.OK, json.dumps(data).encode(), "application/json")

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send(status, status.phrase.encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _voter(name: Any) -> str | None:
    """Return a voter's name; None if it is empty, too long or unprintable."""
    if not isinstance(name, str) or not name.strip() or len(name) > MOST_NAME or not name.isprintable():
        return None
    return name.strip()


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 1e6 else None
