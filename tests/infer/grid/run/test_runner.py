"""Runs: the same images as single renders, resumed and extended without loss, whatever kills them."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anima_infer.errors import CheckpointError, GridError
from anima_infer.files import ModelFiles, find_files
from anima_infer.grid.executors.in_process import InProcess
from anima_infer.grid.run.runner import plan_for, run_grid
from anima_infer.grid.store.contents import open_grid
from anima_infer.grid.store.manifest import Manifest, read_manifest
from anima_infer.model.dit import Dit
from anima_infer.models import Models
from anima_infer.render.renderer import Renderer
from anima_prompt.errors import LockError
from anima_prompt.interchange.images import read_image
from anima_prompt.locks import locked
from tests.infer.grid.conftest import Painter, grid_spec, painted
from tests.infer.tiny import Tiny

AXES = ({"weight": "witch hat", "values": [0, 1, 2]}, {"add": ["none", "smile"]})


def images(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "images").iterdir()}


def test_an_unbatched_cell_is_the_single_render_to_the_bit_and_a_batched_one_within_a_level(
    tiny: Tiny, executor: InProcess, tmp_path: Path
) -> None:
    for name, batch in (("one", 1), ("many", 6)):
        spec = grid_spec(*AXES, batch=batch)
        run_grid(plan_for(spec, None), tmp_path / name, executor)
    renderer = Renderer(Models.load(tiny.files, dtype="fp32", device="cpu"))
    for cell in plan_for(grid_spec(*AXES), None).rendered:
        single = np.asarray(renderer.render([cell.job])[0].image, dtype=int)
        alone = np.asarray(Image.open(tmp_path / "one" / cell.file), dtype=int)
        batched = np.asarray(Image.open(tmp_path / "many" / cell.file), dtype=int)
        assert (alone == single).all()
        assert abs(batched - single).max() <= 1


def test_a_finished_cell_says_everything_in_manifest_and_image(executor: InProcess, tmp_path: Path) -> None:
    run_grid(plan_for(grid_spec(*AXES), None), tmp_path / "g", executor)
    grid = open_grid(tmp_path / "g")
    assert all(cell.done for cell in grid.cells)
    for line in read_manifest(grid.folder):
        path = grid.folder / line["file"]
        assert line["status"] == "done"
        assert line["seconds"] > 0
        assert hashlib.sha256(path.read_bytes()).hexdigest() == line["sha256"]
        (found,) = read_image(path)
        assert (found.prompt, found.negative) == (line["prompt"], line["negative"])
        assert found.settings["seed"] == str(line["seed"])


def test_resuming_makes_nothing_twice_and_mends_what_was_damaged(tmp_path: Path) -> None:
    spec = grid_spec(*AXES, batch=1)
    painted(tmp_path, spec)
    before = images(tmp_path)
    again = Painter()
    summary = run_grid(plan_for(spec, tmp_path), tmp_path, again, resume=True)
    assert (summary.rendered, summary.kept, again.rendered) == (0, 6, [])
    gone, bad = sorted(before)[:2]
    (tmp_path / "images" / gone).unlink()
    (tmp_path / "images" / bad).write_bytes(b"torn")
    assert run_grid(plan_for(spec, tmp_path), tmp_path, again, resume=True).rendered == 2
    assert images(tmp_path) == before


def test_extending_an_axis_renders_only_the_new_cells(tmp_path: Path) -> None:
    painted(tmp_path, grid_spec({"cfg": "1-3"}, seeds=2))
    longer, again = grid_spec({"cfg": "1-5"}, seeds=3), Painter()
    summary = run_grid(plan_for(longer, tmp_path), tmp_path, again, resume=True)
    assert (summary.rendered, summary.kept) == (9, 6)
    assert len(again.rendered) == 9
    assert all(cell.done for cell in open_grid(tmp_path).cells)


def test_a_failed_cell_is_recorded_the_rest_goes_on_and_a_resume_tries_again(tmp_path: Path) -> None:
    spec = grid_spec(*AXES)
    grid = painted(tmp_path, spec, fail=lambda cell: "no luck" if "smile" in cell.job.prompt else "")
    assert [cell.done for cell in grid.cells].count(True) == 3
    assert {cell.result["error"] for cell in grid.cells if cell.result and not cell.done} == {"no luck"}
    summary = run_grid(plan_for(spec, tmp_path), tmp_path, Painter(), resume=True)
    assert (summary.rendered, summary.kept, summary.failed) == (3, 3, 0)


def test_a_lora_that_is_not_there_fails_its_own_cells(executor: InProcess, tmp_path: Path) -> None:
    spec = grid_spec({"loras": ["none", "gone.safetensors:1"]}, seeds=2)
    summary = run_grid(plan_for(spec, None), tmp_path / "g", executor)
    assert (summary.rendered, summary.failed) == (2, 2)
    errors = {cell.result["error"] for cell in open_grid(tmp_path / "g").cells if cell.result and not cell.done}
    assert len(errors) == 1
    assert "gone.safetensors" in errors.pop()


def test_loras_of_one_name_are_told_apart_and_a_changed_one_is_not_mixed(executor: InProcess, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from tests.infer.tiny import small_lora

    paths = [tmp_path / folder / "style.safetensors" for folder in ("old", "new")]
    for path, size in zip(paths, (1.0, 2.0), strict=True):
        path.parent.mkdir()
        save_file({name: size * tensor for name, tensor in small_lora().items()}, path)
    spec = grid_spec({"loras": [f"{path}:1" for path in paths]})
    run_grid(plan_for(spec, None), tmp_path / "g", executor)
    known = open_grid(tmp_path / "g").files
    assert len({known[f"LoRA {path}"] for path in paths}) == 2
    save_file(small_lora(), paths[1])
    with pytest.raises(GridError, match=r"was rendered with another LoRA .*new.style\.safetensors"):
        run_grid(plan_for(spec, None), tmp_path / "g", executor, resume=True)


def test_a_bad_cell_takes_no_other_of_its_batch_with_it(executor: InProcess, tmp_path: Path) -> None:
    spec = grid_spec({"add": ["none", {"value": "smile", "weight": {"witch hat": "1e30"}}]})
    summary = run_grid(plan_for(spec, None), tmp_path / "g", executor)
    assert (summary.rendered, summary.failed) == (1, 1)


def beside(tiny: Tiny, folder: Path, **files: bytes) -> ModelFiles:
    """Return the tiny model's files in a folder of their own, with other files beside the DiT."""
    shutil.copytree(tiny.folder, folder)
    for name, content in files.items():
        (folder / f"{name}.safetensors").write_bytes(content)
    return find_files(folder)


def test_models_are_loaded_when_their_cells_come_and_one_at_a_time(tiny: Tiny, tmp_path: Path) -> None:
    good = tiny.folder.joinpath("anima-base-v1.0.safetensors").read_bytes()
    files = beside(tiny, tmp_path / "models", first=good, second=good, damaged=good[:1000])
    alive, loads = list[weakref.ref[Dit]](), list[str]()

    def load(asked: ModelFiles) -> Models:
        assert asked.dit is not None
        loads.append(asked.dit.stem)
        assert not any(dit() for dit in alive), "the one before is still in memory"
        models = Models.load(asked, dtype="fp32", device="cpu")
        alive.append(weakref.ref(models.dit))
        return models

    spec = grid_spec({"checkpoint": ["first", "damaged", "second"]}, seeds=2, batch=2)
    summary = run_grid(plan_for(spec, None), tmp_path / "g", InProcess(files, load=load))
    assert (summary.rendered, summary.failed) == (4, 2)
    assert sorted(loads) == ["damaged", "first", "second"], "the run's own model is asked for by no cell"
    spec = grid_spec({"checkpoint": ["first"]})
    run_grid(plan_for(spec, None), tmp_path / "h", InProcess(files, load=load))
    del loads[:]
    run_grid(plan_for(spec, tmp_path / "h"), tmp_path / "h", InProcess(files, load=load), resume=True)
    assert loads == [], "all is finished"


def test_a_model_that_finds_no_memory_is_a_reason_why_its_cells_fail(tiny: Tiny, tmp_path: Path) -> None:
    def load(_: ModelFiles) -> Models:
        raise torch.OutOfMemoryError("out of memory")

    summary = run_grid(plan_for(grid_spec(*AXES), None), tmp_path / "g", InProcess(tiny.files, load=load))
    assert (summary.rendered, summary.failed) == (0, 6)
    assert {line["error"] for line in read_manifest(tmp_path / "g")} == {"out of memory"}


def test_a_run_whose_own_model_is_damaged_ends_and_goes_on_with_a_sound_one(tiny: Tiny, tmp_path: Path) -> None:
    sound = tiny.folder.joinpath("anima-base-v1.0.safetensors").read_bytes()
    files = beside(tiny, tmp_path / "models")
    assert files.dit is not None
    files.dit.write_bytes(sound[:1000])
    spec, folder = grid_spec(*AXES), tmp_path / "g"
    load = partial(Models.load, dtype="fp32", device="cpu")
    with pytest.raises(CheckpointError, match="anima-base"):
        run_grid(plan_for(spec, folder), folder, InProcess(files, load=load))
    files.dit.write_bytes(sound)
    assert run_grid(plan_for(spec, folder), folder, InProcess(files, load=load), resume=True).rendered == 6


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda f: (f / "other.txt").write_text("mine"), "contains other files"),
        (lambda f: painted(f, grid_spec(*AXES)), "contains a grid; add --resume"),
    ],
)
def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, prepare: object, message: str) -> None:
    prepare(tmp_path)  # type: ignore[operator]
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(GridError, match=message):
        run_grid(plan_for(grid_spec(*AXES), None), tmp_path, Painter())
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_grid_made_with_another_model_is_not_mixed(tmp_path: Path) -> None:
    class Other(Painter):
        def identity(self, cells: object) -> dict[str, str]:
            return {"DiT": "another"}

    spec = grid_spec(*AXES)
    painted(tmp_path, spec)
    with pytest.raises(GridError, match="was rendered with another DiT"):
        run_grid(plan_for(spec, tmp_path), tmp_path, Other(), resume=True)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock"), pytest.raises(LockError, match=rf"process {os.getpid()} on .* is writing to it"):
        run_grid(plan_for(grid_spec(*AXES), None), tmp_path, Painter())


def test_a_line_that_was_cut_off_is_dropped_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    painted(tmp_path, grid_spec(*AXES))
    path = tmp_path / "manifest.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "abc", "st')
    assert len(read_manifest(tmp_path)) == 6
    Manifest(tmp_path).close()
    assert path.read_bytes() == whole
    path.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(GridError, match=r"manifest.jsonl:1: the line is damaged"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1}', "[]"])
def test_a_damaged_grid_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "grid.json").write_text(content, encoding="utf-8")
    with pytest.raises(GridError, match=r"grid.json: is"):
        open_grid(tmp_path)


SCRIPT = """
import sys, torch
from functools import partial
from pathlib import Path
torch.set_num_threads(1)
from anima_infer.files import find_files
from anima_infer.grid.executors.in_process import InProcess
from anima_infer.grid.run.runner import plan_for, run_grid
from anima_infer.models import Models
from tests.infer.grid.conftest import grid_spec
folder, model = Path(sys.argv[1]), sys.argv[2]
spec = grid_spec({"weight": "witch hat", "values": "0-2 [10]"}, {"steps": [2, 3]}, seeds=3, batch=4)
executor = InProcess(find_files(model), load=partial(Models.load, dtype="fp32", device="cpu"))
plan = plan_for(spec, folder)
print("ready", flush=True)
run_grid(plan, folder, executor, resume=True)
print("done", flush=True)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_ends_like_one_that_was_not(tiny: Tiny, tmp_path: Path) -> None:
    def start(folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SCRIPT, str(folder), str(tiny.folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())

    with start(tmp_path / "whole") as whole:
        assert whole.stdout is not None
        assert whole.stdout.readline() == "ready\n"
        began = time.perf_counter()
        assert whole.stdout.readline() == "done\n"
        length = time.perf_counter() - began
    source = random.Random(7)
    kills = 0
    for _ in range(20):
        with start(tmp_path / "killed") as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
            time.sleep(source.uniform(0, length / 6))
            os.kill(run.pid, signal.SIGKILL)
            kills += run.wait() == -signal.SIGKILL
        lines = read_manifest(tmp_path / "killed")
        assert len({line["key"] for line in lines}) == len(lines)
    assert kills >= 5
    with start(tmp_path / "killed") as last:
        assert last.wait() == 0
    assert images(tmp_path / "killed") == images(tmp_path / "whole")
    assert len(images(tmp_path / "whole")) == 60
    made = [json.loads(line)["key"] for line in (tmp_path / "killed" / "manifest.jsonl").read_text().splitlines()]
    assert len(made) == len(set(made)) == 60


def test_a_lora_is_read_once_whatever_strengths_a_grid_asks_for(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    from anima_infer.lora import ActiveLoras
    from tests.infer.tiny import small_lora

    path = tmp_path / "style.safetensors"
    save_file(small_lora(), path)
    read = ActiveLoras.read
    reads = list[Path]()
    monkeypatch.setattr(ActiveLoras, "read", lambda self, file: (reads.append(file), read(self, file))[1])
    spec = grid_spec({"lora_strength": path.name, "values": [0, 0.5, 1]}, base={"loras": [f"{path}:1"]}, batch=1)
    loads = list[None]()
    executor = InProcess(
        tiny.files, load=lambda files: (loads.append(None), Models.load(files, dtype="fp32", device="cpu"))[1]
    )
    plan = plan_for(spec, None)
    summary = run_grid(plan, tmp_path / "g", executor)
    assert (summary.rendered, len(reads), len(loads)) == (3, 1, 1)
    assert len(set(images(tmp_path / "g").values())) == 3
    fresh = Renderer(Models.load(tiny.files, dtype="fp32", device="cpu"))
    for cell in plan.rendered:
        single = np.asarray(fresh.render([cell.job])[0].image)
        with Image.open(tmp_path / "g" / cell.file) as image:
            assert (np.asarray(image) == single).all()
