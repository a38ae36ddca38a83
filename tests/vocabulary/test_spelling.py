"""Facts about artists whom Danbooru has renamed: the model knows the old spelling, and that is what gets written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from anima_prompt import Document, Linter, PromptBuilder, Section, Vocabulary
from anima_prompt.vocabulary.store import build, open_store

TABLE = Vocabulary.default()


def messages(text: str, rule: str) -> list[str]:
    return [found.message for found in Linter().check(Document(text)) if found.name == rule]


def test_an_artist_is_found_by_either_name_and_written_as_the_model_knows_it(tmp_path: Path) -> None:
    store = tmp_path / "v.sqlite"
    build(store, TABLE.entries())
    for table in (TABLE, Vocabulary(connection=open_store(store))):
        for name in ("katou_itsuwa", "noy"):
            entry = table.lookup(name)
            assert entry is not None
            assert (entry.name, entry.spelling, entry.trained) == ("katou_itsuwa", "noy", "noy")
    assert PromptBuilder().artist("katou itsuwa").build().to_text() == "@noy"
    wlop = TABLE.lookup("wlop")
    assert wlop is not None
    assert wlop.trained == "wlop"


def test_the_linter_wants_the_spelling_that_the_model_knows() -> None:
    (found,) = messages("1girl, @katou itsuwa", "artist-alias")
    assert "'@noy'" in found
    assert messages("1girl, @noy", "artist-alias") == []
    (bare,) = messages("1girl, katou itsuwa", "artist-missing-at")
    assert "'@noy'" in bare


def test_spellings_are_aliases_of_their_artists_and_were_measured(shared: Path) -> None:
    with gzip.open(shared / "data/animadex_artist_pool_default.json.gz", "rt", encoding="utf-8") as file:
        measured = {tag.removeprefix("@").replace("\\", "").replace(" ", "_") for tag in json.load(file)["tags"]}
    renamed = [entry for entry in TABLE.entries(Section.ARTIST) if entry.spelling]
    assert len(renamed) > 80
    for entry in renamed:
        assert entry.recognized, entry.name
        assert entry.spelling in entry.aliases, entry.name
        assert entry.spelling in measured, entry.name
        assert entry.name not in measured, entry.name
