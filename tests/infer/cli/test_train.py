"""``anima-infer train`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import Image

from anima_infer.cli.main import commands
from tests.infer.tiny import Tiny
from tests.infer.training.dataset import spec_of


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["train", *arguments])


@pytest.fixture
def spec(tiny: Tiny, tmp_path: Path) -> Path:
    path = tmp_path / "train.yaml"
    previews = {"prompts": ["1girl", "1boy, (hat:1.2)"], "every": 3, "steps": 2, "size": "64x64"}
    path.write_text(yaml.safe_dump(spec_of(tiny, tmp_path, previews=previews)))
    return path


def test_from_a_specification_to_a_file(spec: Path) -> None:
    result = run(str(spec))
    assert result.exit_code == 0, result.output
    out = spec.parent / "out"
    assert result.stdout.strip() == str(out / "anima-lora.safetensors")
    assert "training lora: 12,672 parameters, 4 images, to step 4, on cpu" in result.stderr
    assert sorted(path.name for path in (out / "previews").iterdir()) == ["000000.png", "000003.png"]
    with Image.open(out / "previews" / "000003.png") as image:
        assert image.size == (64 + 8 + 64, 64 + 8 + 64), "two prompts, without the adapter and with it"
    again = run(str(spec))
    assert again.exit_code == 2
    assert (
        again.stderr == f"error: {out} contains a training; pass --resume to continue, or --overwrite to start again\n"
    )
    ended = run(str(spec), "--resume")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "nothing left to do" in ended.stderr
    assert run(str(spec), "--overwrite").exit_code == 0


def test_the_plan(spec: Path) -> None:
    text = run("plan", str(spec), "--modules").stdout
    assert "trains      12,672 parameters in 20 modules" in text
    assert "blocks.0.self_attn.q_proj  2x128 + 128x2  512" in text
    assert "steps       4 (2 batches an epoch)" in text
    assert "48x64 (2)" in text
    assert "1girl, smile, red hair" in text
    assert run(str(spec), "--dry-run").stdout == run("plan", str(spec)).stdout
    data = json.loads(run("plan", str(spec), "--json").stdout)
    assert data["trained_parameters"] == 12_672
    assert data["samples"][1]["texts"] == ["1boy, hat. He waves."]
    assert not (spec.parent / "out").exists(), "a plan writes nothing"


def test_encoding_alone(spec: Path) -> None:
    result = run("prepare", str(spec))
    assert result.exit_code == 0, result.output
    assert "4 images ready" in result.stderr
    assert len(list((spec.parent / "out" / "cache").iterdir())) == 9


def test_warnings_of_the_author(spec: Path) -> None:
    options = yaml.safe_load(spec.read_text())
    options["method"] = {"rank": 2, "targets": {"preset": "official"}}
    spec.write_text(yaml.safe_dump(options))
    assert "warning     the text adapter is trained too; the model's author advises" in run("plan", str(spec)).stdout


def test_schema_and_options() -> None:
    assert json.loads(run("schema").stdout)["title"] == "Anima training"
    assert "| `method.rank` | `32` |" in run("options").stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("method: {kind: dora}", "method.kind is 'dora'; expected one of lora, loha, lokr, full"),
        ("model: {folder: nowhere}", "nowhere is not a folder"),
        ("data: {folders: {path: nowhere}}", "nowhere is not a folder; pass a folder of images in data.folders"),
        ("optimizer: {kind: lion}", "optimizer.kind is 'lion'"),
        ("previews: {prompts: a, size: big}", "previews.size is 'big'"),
        ("method: {targets: {include: 'blocks.('}}", "'blocks.(' is not a regular expression"),
        ("method: {targets: {exclude: mlp}}", "no module matches 'mlp' (exclude)"),
        ("model: {device: gpu9}", "gpu9"),
    ],
)
def test_wrong_specifications_get_one_line(change: str, message: str, spec: Path) -> None:
    options = yaml.safe_load(spec.read_text())
    spec.write_text(yaml.safe_dump({**options, **yaml.safe_load(change)}))
    result = run(str(spec))
    assert result.exit_code == 2
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert message in errors[0]
    assert "Traceback" not in result.stderr


def test_a_missing_specification() -> None:
    result = run("nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr
