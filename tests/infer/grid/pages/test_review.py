"""Blind review: pairs, votes, the server's walls, the page, and what the votes say."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from anima_infer.errors import GridError
from anima_infer.grid.pages.review import Review
from anima_infer.grid.pages.review_server import ReviewServer
from anima_infer.grid.store.contents import Grid
from anima_infer.grid.votes.pairs import find_pairs, shuffle_for
from anima_infer.grid.votes.results import compute_results, results_csv
from anima_infer.grid.votes.votes import BAD, FIRST, SECOND, TIE, Vote, Votes
from anima_infer.images import open_image
from tests.infer.grid.conftest import grid_spec, painted

if TYPE_CHECKING:
    from tests.browser import Open


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    return painted(tmp_path, grid_spec({"cfg": "1-3"}, {"steps": [1, 2]}, seeds=2))


@pytest.fixture
def server(grid: Grid) -> Iterator[ReviewServer]:
    serving = ReviewServer(Review(grid, "cfg"))
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()
    thread.join()


def asked(
    server: ReviewServer, path: str, data: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a request; ``path`` comes behind the secret unless it begins with a slash."""
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        body = None if data is None else data if isinstance(data, bytes) else json.dumps(data).encode()
        target = path if path.startswith("/") else f"/{server.token}/{path}"
        link.request("GET" if body is None else "POST", target, body, headers or {})
        answer = link.getresponse()
        return answer.status, answer.read(), dict(answer.headers)
    finally:
        link.close()


def test_pairs_differ_in_one_value_and_share_everything_else(grid: Grid) -> None:
    pairs = find_pairs(grid)
    assert len(pairs) == 3 * 2 * 2 + 3 * 2
    for pair in pairs:
        assert sum(one != other for one, other in zip(pair.first.index, pair.second.index, strict=True)) == 1
        assert pair.first.job["seed"] == pair.second.job["seed"]
    assert {pair.axis for pair in find_pairs(grid, "steps")} == {"steps"}
    with pytest.raises(GridError, match="axis is 'x'; expected one of cfg, steps, seed"):
        find_pairs(grid, "x")


def test_every_voter_has_an_own_order_and_sides_that_stay(grid: Grid) -> None:
    pairs = find_pairs(grid)
    ann, again, bob = shuffle_for(pairs, "Ann"), shuffle_for(pairs, "Ann"), shuffle_for(pairs, "Bob")
    assert ann == again != bob
    assert {pair.key for pair, _ in ann} == {pair.key for pair, _ in bob}
    assert 0 < sum(left for _, left in ann) < len(ann)


def test_votes_are_kept_at_once_counted_once_and_can_be_undone(grid: Grid) -> None:
    votes, pair = Votes(grid.folder), find_pairs(grid)[0]
    assert votes.add(pair, FIRST, voter="Ann", first_was_left=True)
    assert not votes.add(pair, SECOND, voter="Ann", first_was_left=True)
    assert votes.add(pair, SECOND, voter="Bob", first_was_left=False)
    assert [vote.choice for vote in Votes(grid.folder).all()] == [FIRST, SECOND]
    assert votes.undo("Ann")
    assert not votes.undo("Ann")
    assert votes.add(pair, TIE, voter="Ann", first_was_left=True)
    assert [vote.choice for vote in votes.all()] == [SECOND, TIE]


def test_a_damaged_file_of_votes_is_one_line(grid: Grid) -> None:
    (grid.folder / "votes.sqlite3").write_bytes(b"no database at all, and long enough to be read as one" * 40)
    with pytest.raises(GridError, match="cannot be used"):
        Votes(grid.folder)


def test_nothing_but_the_page_and_the_pairs_is_readable(server: ReviewServer) -> None:
    for path in (
        "/",
        "/grid.json",
        "/wrong/",
        f"/{server.token}",
        f"/{server.token[:-1]}{'y' if server.token[-1] == 'x' else 'x'}/",
        f"/{server.token}/../grid.json",
    ):
        assert asked(server, path)[0] == 404
    for path in ("grid.json", "image/", "image/../manifest.jsonl", "image/nothing", "vote"):
        assert asked(server, path)[0] == 404
    assert asked(server, "", headers={"Host": f"evil.example:{server.server_port}"})[0] == 403
    assert asked(server, "", headers={"Origin": "http://evil.example"})[0] == 403
    assert asked(server, "")[0] == 200
    assert asked(server, "", headers={"Host": f"localhost:{server.server_port}"})[0] == 200


def test_the_server_listens_on_the_loopback_address_alone(server: ReviewServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "data", [b"not json", b"[]", {"voter": ""}, {"voter": "a" * 41}, {"voter": "a\n"}, {"voter": 7}, b"x" * 5000]
)
def test_a_bad_vote_is_refused(server: ReviewServer, data: Any) -> None:
    assert asked(server, "vote", data)[0] == 400
    assert server.review.votes.all() == []


def test_an_unknown_pair_or_choice_is_not_taken(server: ReviewServer) -> None:
    told = json.loads(asked(server, "next?voter=Ann")[1])
    for pair, choice in (("nothing", "left"), (told["pair"]["id"], "middle")):
        answer = json.loads(asked(server, "vote", {"voter": "Ann", "pair": pair, "choice": choice})[1])
        assert answer == {"recorded": False}
    assert server.review.votes.all() == []


def test_images_carry_no_word_of_what_they_are(server: ReviewServer, tmp_path: Path) -> None:
    told = json.loads(asked(server, "next?voter=Ann")[1])
    assert set(told["pair"]) == {"id", "left", "right"}
    status, content, headers = asked(server, f"image/{told['pair']['left']}")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "image/png", "no-store")
    (tmp_path / "p.png").write_bytes(content)
    assert not open_image(tmp_path / "p.png").info
    text = json.dumps(told)
    assert not any(cell.key in text for cell in server.review.grid.cells)


def test_the_side_that_was_chosen_becomes_the_value_that_was_there(server: ReviewServer) -> None:
    for _ in range(6):
        told = json.loads(asked(server, "next?voter=Ann")[1])["pair"]
        left = server.review._images[told["left"]]
        json.loads(asked(server, "vote", {"voter": "Ann", "pair": told["id"], "choice": "left", "seconds": 1.5})[1])
        vote = server.review.votes.all()[-1]
        assert left.stem == (vote.first if vote.choice == FIRST else vote.second)


@pytest.mark.parametrize("width", [1300, 390])
def test_the_page_is_used_by_keyboard_and_mouse(server: ReviewServer, open_page: Open, width: int) -> None:
    from playwright.sync_api import expect

    page = open_page(server.address, width)

    def count(text: str) -> None:
        expect(page.locator("#count")).to_have_text(text)
        expect(page.locator("#vote")).to_have_attribute("aria-busy", "false")

    page.fill("#name", "Ann <b>")
    page.keyboard.press("Enter")
    count("0 of 12")
    for number, key in enumerate(("ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp"), 1):
        page.keyboard.press(key)
        count(f"{number} of 12")
    page.keyboard.press("u")
    count("3 of 12")
    page.locator("#left").click()
    count("4 of 12")
    page.get_by_role("button", name="undo").click()
    count("3 of 12")
    assert [vote.choice in (FIRST, SECOND) for vote in server.review.votes.all()] == [True, True, False]
    for number in range(4, 13):
        page.locator('[data-choice="tie"]').click()
        if number < 12:
            count(f"{number} of 12")
    page.wait_for_selector("#end:not([hidden])")
    assert page.get_by_text("Thank you.").is_visible()
    assert len(server.review.votes.all()) == 12


def votes_on(*choices: tuple[str, str, str], voter: str = "Ann") -> list[Vote]:
    """Return votes: labels of both values, and who won."""
    return [Vote(voter, "cfg", f"{i}a", f"{i}b", one, other, choice) for i, (one, other, choice) in enumerate(choices)]


def test_results_count_both_directions_and_put_the_stronger_first(grid: Grid) -> None:
    votes = votes_on(*[("1", "2", SECOND)] * 8, *[("2", "1", SECOND)] * 1, ("1", "2", TIE), ("2", "1", BAD))
    (result,) = compute_results(grid, votes)
    (pair,) = result.pairs
    assert (pair.first, pair.second) == ("2", "1")
    assert (pair.won, pair.lost, pair.tied, pair.bad) == (8, 1, 1, 1)
    assert pair.p == pytest.approx(0.0390625)
    assert [label for label, _ in result.ranking] == ["2", "1"]
    assert "'2' is preferred to '1' (89 %" in result.summary.replace("89%", "89 %")


def test_results_come_as_a_table_and_as_plain_types(grid: Grid) -> None:
    results = compute_results(
        grid, votes_on(("1", "3", FIRST), ("1", "2", TIE)) + votes_on(("1", "3", FIRST), voter="Bob")
    )
    assert json.loads(json.dumps(results[0].to_dict()))["voters"] == ["Ann", "Bob"]
    lines = results_csv(results).splitlines()
    assert lines[0].startswith("axis,first,second,won,lost,tied")
    assert len(lines) == 3
    assert results[0].alpha == 1.0
    assert compute_results(grid, []) == []


def test_votes_on_labels_that_are_gone_are_left_out(grid: Grid) -> None:
    assert compute_results(grid, votes_on(("1", "99", FIRST))) == []


def test_a_grid_without_pairs_cannot_be_reviewed(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="no two finished images differ"):
        Review(painted(tmp_path, grid_spec({"cfg": [1]}, seeds=2)))
