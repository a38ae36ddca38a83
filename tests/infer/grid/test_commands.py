"""``anima-infer grid`` as a user runs it: every command, its output, its exit code, its errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from anima_infer.cli.main import commands
from anima_infer.errors import GridError
from anima_infer.grid.import_images import import_images
from anima_infer.grid.measure.tagger import OnnxTagger, shown_fraction
from anima_infer.grid.store.contents import open_grid
from anima_infer.grid.votes.pairs import find_pairs
from anima_infer.grid.votes.votes import FIRST, Votes
from anima_prompt.interchange.workflow import read_workflow
from tests.infer.tiny import Tiny

SPEC = """
name: how much hat
base:
  prompt: masterpiece, best quality, safe, 1girl, red hair, witch hat, night
  negative: worst quality
  size: 64x64
  steps: 2
  sampler: euler
  cfg: 2
axes:
  - weight: witch hat
    values: 0-2
seeds: 2
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ANIMA_PROMPT_DATA", str(tmp_path / "data"))


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "hat.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


@pytest.fixture
def done(spec: Path, tiny: Tiny, tmp_path: Path) -> Path:
    result = run("grid", "run", spec, "-o", tmp_path / "out", "--models", tiny.folder, "--device", "cpu")
    assert result.exit_code == 0, result.output
    return tmp_path / "out"


def test_of_several_models_run_says_how_a_specification_takes_another(spec: Path, tiny: Tiny, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny.folder, models)
    shutil.copy(models / "anima-base-v1.0.safetensors", models / "anima-turbo-v1.1.safetensors")
    said = run("grid", "run", spec, "-o", tmp_path / "out", "--models", models, "--device", "cpu").stderr
    note = (
        "note: using anima-base-v1.0; also found: anima-turbo-v1.1 (select with the specification's key 'checkpoint')"
    )
    assert said.splitlines().count(note) == 1


def test_plan_says_axes_cells_cost_and_findings(spec: Path) -> None:
    result = run("grid", "plan", spec)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:5] == [
        "how much hat",
        "  weight witch hat (columns): 0, 1, 2; baseline 0",
        "  seed (rows): 0, 1; baseline 0",
        "6 cells, 6 images",
        "3 distinct prompts, 1 model load, 0 sets of LoRAs, 1 batch",
    ]
    assert "time unknown before the first run" in result.stdout
    assert "in 1 of 3 prompts" in result.stderr


def test_plan_speaks_json(spec: Path) -> None:
    data = json.loads(run("grid", "plan", spec, "--json").stdout)
    assert (len(data["cells"]), data["images"], data["model_loads"]) == (6, 6, 1)
    assert data["cost"] == pytest.approx(6 * 2 * 2 * 64 * 64 / 1e6, abs=1e-3)


def test_run_makes_images_sheet_and_report_and_then_knows_its_rate(done: Path, spec: Path) -> None:
    grid = open_grid(done)
    assert all(cell.done for cell in grid.cells)
    assert {path.name for path in done.iterdir() if not path.name.startswith(".")} == {
        "grid.json", "manifest.jsonl", "images", "report.html", "sheet.png",
    }  # fmt: skip
    assert set(grid.files) == {"DiT", "text encoder", "VAE", "Qwen tokenizer", "T5 tokenizer"}
    assert "at the speed of the last run" in run("grid", "plan", spec).stdout


def test_run_refuses_a_used_folder_and_resumes_on_request(done: Path, spec: Path, tiny: Tiny) -> None:
    again = run("grid", "run", spec, "-o", done, "--models", tiny.folder)
    assert again.exit_code == 2
    assert again.stderr.splitlines()[-1].endswith(
        "contains a grid; add --resume to continue it, or choose another folder"
    )
    resumed = run("grid", "run", spec, "-o", done, "--models", tiny.folder, "--resume")
    assert resumed.exit_code == 0
    assert "0 images rendered" in resumed.stderr
    assert "6 kept" in resumed.stderr


def test_errors_of_the_linter_stop_a_run_unless_told(spec: Path, tiny: Tiny, tmp_path: Path) -> None:
    spec.write_text(SPEC.replace("seeds: 2", "  - {search: red hair, values: ['((red hair']}"), encoding="utf-8")
    command = ("grid", "run", spec, "-o", tmp_path / "out", "--models", tiny.folder)
    result = run(*command)
    assert result.exit_code == 1
    assert "delimiter-unbalanced" in result.stderr
    assert "the linter reports errors" in result.stderr
    assert not (tmp_path / "out").exists()
    assert run("grid", "plan", spec).exit_code == 1
    assert run(*command, "--no-lint").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "nothing.yaml"], "nothing.yaml"),
        (["run", "{spec}", "-o", "{tmp}/x", "--models", "{tmp}/nowhere"], "is not a folder"),
        (["sheet", "{tmp}"], "contains no grid.json"),
        (["report", "{tmp}"], "contains no grid.json"),
        (["results", "{tmp}"], "contains no grid.json"),
        (["review", "{tmp}", "--no-open"], "contains no grid.json"),
        (["import", "{tmp}", "-o", "{tmp}/x"], "contains no image with metadata"),
        (["export", "{spec}", "--comfyui", "-o", "{tmp}"], "is not an empty folder"),
        (["export", "{spec}", "-o", "{tmp}/x"], "--comfyui"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    spec: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    filled = [argument.format(spec=spec, tmp=tmp_path) for argument in arguments]
    result = run("grid", *filled)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_sheet_report_and_results_can_be_written_again(done: Path, tmp_path: Path) -> None:
    assert run("grid", "sheet", done, "-o", tmp_path / "s.webp", "--cell", 96).stdout.strip() == str(
        tmp_path / "s.webp"
    )
    assert run("grid", "report", done, "-o", tmp_path / "r.html", "--link").exit_code == 0
    assert "../" not in (tmp_path / "r.html").read_text(encoding="utf-8").split('"full":"')[1][:20]
    assert "no votes yet" in run("grid", "results", done).stderr
    votes = Votes(done)
    for pair in find_pairs(open_grid(done)):
        votes.add(pair, FIRST, voter="Ann", first_was_left=True)
    text = run("grid", "results", done).stdout
    assert "weight witch hat: 6 votes of 1 voter" in text
    assert json.loads(run("grid", "results", done, "--format", "json").stdout)[0]["votes"] == 6
    assert run("grid", "results", done, "--format", "csv").stdout.startswith("axis,first,second")
    run("grid", "report", done)
    assert '"votes":6' in (done / "report.html").read_text(encoding="utf-8")


def test_export_writes_a_workflow_for_each_image(spec: Path, tmp_path: Path) -> None:
    result = run("grid", "export", spec, "--comfyui", "-o", tmp_path / "flows", "--model", "mine.safetensors")
    assert result.exit_code == 0
    files = sorted((tmp_path / "flows").iterdir())
    assert len(files) == 6
    found = read_workflow(json.loads(files[-1].read_text(encoding="utf-8")), "x")[0]
    assert found.prompt is not None
    assert "(witch hat:2)" in found.prompt
    assert (found.model, found.settings["seed"]) == ("mine.safetensors", "1")


def exported(folder: Path) -> list[dict[str, Any]]:
    """Return the exported workflows, in order."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())]


def inputs_of(workflow: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(node["inputs"] for node in workflow.values() if node["class_type"] == kind)


def test_run_and_export_use_the_same_settings(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text("base: {prompt: 1girl, seed: -1, size: 64x64}\naxes: [{steps: '1-2'}]", encoding="utf-8")
    models = tmp_path / "models"
    shutil.copytree(tiny.folder, models)
    (models / "anima-base-v1.0.safetensors").rename(models / "anima-turbo-v1.1.safetensors")
    assert run("grid", "run", path, "-o", tmp_path / "out", "--models", models, "--device", "cpu").exit_code == 0
    assert run("grid", "export", path, "--comfyui", "-o", tmp_path / "flows", "--models", models).exit_code == 0
    cells = open_grid(tmp_path / "out").cells
    for cell, workflow in zip(cells, exported(tmp_path / "flows"), strict=True):
        sampler = inputs_of(workflow, "KSampler")
        settings = cell.job["settings"]
        for ours, theirs in (("guidance_scale", "cfg"), ("sampler", "sampler_name"), ("steps", "steps")):
            assert sampler[theirs] == settings[ours]
        assert sampler["seed"] == cell.job["seed"] >= 0
        assert inputs_of(workflow, "UNETLoader")["unet_name"] == "anima-turbo-v1.1.safetensors"
    named = run(
        "grid", "export", path, "--comfyui", "-o", tmp_path / "named", "--model", "anima-turbo-v1.1.safetensors"
    )
    assert named.exit_code == 0
    assert inputs_of(exported(tmp_path / "named")[0], "KSampler") == inputs_of(
        exported(tmp_path / "flows")[0], "KSampler"
    )


def test_export_refuses_by_name_what_comfyui_cannot_make(tmp_path: Path) -> None:
    path = tmp_path / "beta.yaml"
    path.write_text(
        "base: {prompt: 1girl, scheduler: beta57, profile: base-1.0}\naxes: [{sampler: [euler, uni_pc, euler_a]}]",
        encoding="utf-8",
    )
    result = run("grid", "export", path, "--comfyui", "-o", tmp_path / "flows")
    assert result.exit_code == 1
    assert "refused: image 0001 (sampler uni_pc): beta57 with uni_pc has no node in ComfyUI's core" in result.stderr
    assert "2 workflows in" in result.stderr
    names = [inputs_of(workflow, "KSamplerSelect")["sampler_name"] for workflow in exported(tmp_path / "flows")]
    assert names == ["euler", "euler_ancestral"]


def test_export_checks_against_a_server(spec: Path, tmp_path: Path) -> None:
    answer = tmp_path / "object_info.json"
    answer.write_text('{"UNETLoader": {"input": {"required": {"unet_name": [["x.safetensors"]]}}, "output": []}}')
    result = run("grid", "export", spec, "--comfyui", "-o", tmp_path / "flows", "--check", answer)
    assert result.exit_code == 1
    assert "unet_name is 'anima-base-v1.0.safetensors'; expected one of x.safetensors" in result.stderr
    answer.write_text("[1]", encoding="utf-8")
    result = run("grid", "export", spec, "--comfyui", "-o", tmp_path / "flows", "--check", answer)
    assert result.exit_code == 2
    assert "is not a server's answer to GET /object_info" in str(result.stderr) + str(result.exception)


def test_seeds_below_zero_are_refused_but_for_the_random_one(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("base: {prompt: 1girl}\naxes: [{seed: [-1, 3]}]", encoding="utf-8")
    result = run("grid", "plan", path)
    assert result.exit_code == 2
    assert "seed is -1; expected 0 to" in result.stderr


def test_import_builds_a_grid_from_metadata_and_leaves_the_images_alone(done: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(done / "images" / "plain.png")
    before = sorted(path.name for path in done.rglob("*"))
    result = run("grid", "import", done / "images", "-o", tmp_path / "adopted")
    assert result.exit_code == 0
    assert "plain.png: has no metadata" in result.stderr
    grid = open_grid(tmp_path / "adopted")
    assert [axis.name for axis in grid.axes] == ["prompt", "seed"]
    assert [axis.labels for axis in grid.axes if axis.name == "seed"] == [("0", "1")]
    assert all(grid.image_path(cell).is_file() for cell in grid.cells)
    assert len(find_pairs(grid)) == 6
    assert sorted(path.name for path in done.rglob("*")) == before
    with pytest.raises(GridError, match="contains a grid"):
        import_images(done / "images", tmp_path / "adopted")


def test_schema_is_printed() -> None:
    assert json.loads(run("grid", "schema").stdout)["title"] == "Anima grid"


def test_the_share_of_shown_tags_leaves_out_what_the_tagger_does_not_know() -> None:
    scores = {"1girl": 0.9, "red_hair": 0.5, "witch_hat": 0.1}
    assert shown_fraction("1girl, red hair, witch hat, @wlop", scores) == pytest.approx(2 / 3)
    assert shown_fraction("@wlop", scores) is None
    assert shown_fraction("1girl, (witch hat:0)", scores) == 1


def write_tagger(folder: Path, names: list[str]) -> Path:
    """Write an ONNX tagger whose scores are the mean blue, green and red of an image."""
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("Div", ["mean", "most"], ["scores"]),
        ],
        "colors",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 16, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor("most", TensorProto.FLOAT, [1], [255.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    rows = "".join(f"{i},{name},0,1\n" for i, name in enumerate(names))
    (folder / "selected_tags.csv").write_text(f"tag_id,name,category,count\n{rows}", encoding="utf-8")
    return folder


def test_an_onnx_tagger_scores_the_tags_of_the_prompt(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    tagger = OnnxTagger(write_tagger(tmp_path, ["blue_theme", "green_theme", "red_theme"]))
    red = Image.fromarray(np.full((20, 20, 3), (250, 5, 5), dtype=np.uint8))
    scores = tagger.score([red, red], ["red theme, blue theme", "red theme"])
    assert scores == [{"tags": 0.5}, {"tags": 1.0}]


@pytest.mark.parametrize("content", [b"", b"no model at all"])
def test_a_damaged_tagger_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(GridError, match=r"a tagger is an ONNX file"):
        OnnxTagger(tmp_path)
    (tmp_path / "selected_tags.csv").write_text("name\n", encoding="utf-8")
    with pytest.raises(GridError, match="is not an ONNX model"):
        OnnxTagger(tmp_path)


def test_the_report_shows_what_a_tagger_says(done: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    folder = tmp_path / "tagger"
    folder.mkdir()
    write_tagger(folder, ["red_hair", "witch_hat", "night"])
    result: Any = run("grid", "report", done, "--tagger", folder)
    assert result.exit_code == 0, result.output
    assert '"shown tags":' in (done / "report.html").read_text(encoding="utf-8")
