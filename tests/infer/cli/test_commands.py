"""Facts about ``anima-infer``, run as a user runs it."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from anima_prompt.interchange.images import read_image
from tests.infer.tiny import Tiny, small_lora

COMMAND = str(Path(sys.executable).parent / "anima-infer")
PROMPT = "masterpiece, best quality, safe, 1girl, red hair, smile, outdoors"
FAST = ("--size", "64x96", "--steps", "2", "--device", "cpu", "--dtype", "fp32")


def run(
    *arguments: str, cwd: Path | None = None, stdin: str = "", prepare: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
        preexec_fn=prepare,
    )
    assert "Traceback" not in done.stderr
    return done


def test_render_writes_images_with_their_metadata(tiny: Tiny, tmp_path: Path) -> None:
    done = run(
        "render",
        PROMPT,
        "--models",
        str(tiny.folder),
        *FAST,
        "--seed",
        "5",
        "--count",
        "2",
        "--preview",
        "1",
        "-o",
        "out/a.png",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["out/a-01.png", "out/a-02.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-01.png", "a-02.png"]
    (found,) = read_image(tmp_path / "out" / "a-02.png")
    assert found.prompt == PROMPT
    assert "worst quality" in (found.negative or ""), "the profile's negative prompt"
    with Image.open(tmp_path / "out" / "a-02.png") as image:
        assert image.size == (64, 96)
        assert "Seed: 6" in image.info["parameters"]
        graph = json.loads(image.info["prompt"])
    assert {node["class_type"] for node in graph.values()} >= {"KSampler", "UNETLoader", "CLIPTextEncode", "VAEDecode"}
    again = run("render", PROMPT, "--models", str(tiny.folder), *FAST, "--seed", "6", "-o", "b.png", cwd=tmp_path)
    assert again.returncode == 0
    with Image.open(tmp_path / "b.png") as one, Image.open(tmp_path / "out" / "a-02.png") as two:
        assert one.tobytes() == two.tobytes()


def test_a_prompt_file_a_image_and_a_mask(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "- {name: one, quality: masterpiece, safety: safe, count: 1girl, general: [smile, outdoors]}\n- {name: two, safety: safe, count: 1boy, general: [hat, night]}\n"
    )
    Image.new("RGB", (100, 100), "teal").save(tmp_path / "in.png")
    mask = Image.new("L", (100, 100), 0)
    mask.paste(255, (0, 0, 50, 100))
    mask.save(tmp_path / "mask.png")
    save_file(small_lora(), tmp_path / "l.safetensors")
    done = run(
        *("render", "p.yaml", "--models", str(tiny.folder), *FAST, "--init", "in.png", "--mask", "mask.png"),
        *("--denoise", "0.6", "--lora", "l.safetensors:0.5", "-o", "o.webp", "--negative", ""),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["o-01.webp", "o-02.webp"]


def test_a_prompt_may_be_longer_than_a_file_name(tiny: Tiny, tmp_path: Path) -> None:
    prompt = f"{PROMPT}, " + "a girl walks along the beach in the evening and looks at the waves, " * 20
    done = run("render", prompt, "--models", str(tiny.folder), *FAST, "--no-lint", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "anima.png\n"), done.stderr


def test_a_checkpoint_is_chosen_by_name_and_brings_its_profile(tiny: Tiny, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny.folder, models)
    shutil.copy(models / "anima-base-v1.0.safetensors", models / "anima-turbo-v1.1.safetensors")
    shutil.copy(models / "anima-base-v1.0.safetensors", models / "my-merge.safetensors")
    usual = run("render", PROMPT, "--models", str(models), *FAST, cwd=tmp_path)
    assert "note: using anima-base-v1.0; also found: anima-turbo-v1.1 (select with --checkpoint)" in usual.stderr
    for name, scale in (
        ("anima-turbo-v1.1", 1),
        ("my-merge.safetensors", 4),
        (str(models / "my-merge.safetensors"), 4),
    ):
        done = run("render", PROMPT, "--models", str(models), *FAST, "--checkpoint", name, "-o", "b.png", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (found,) = read_image(tmp_path / "b.png")
        assert found.model == Path(name).name.removesuffix(".safetensors")
        assert found.settings["guidance_scale"] == str(scale)
    done = run("render", PROMPT, "--models", str(models), *FAST, "--checkpoint", "nothing", cwd=tmp_path)
    said = "error: checkpoint 'nothing' does not exist; pass a DiT file, the folder of a model, or a name; available names: anima-base-v1.0, "
    assert done.stderr == f"{said}anima-turbo-v1.1, my-merge\n"


def test_a_lora_is_found_by_name_in_the_models_folder(tiny: Tiny, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(tiny.folder, models)
    (models / "loras" / "styles").mkdir(parents=True)
    save_file(small_lora(), models / "loras" / "styles" / "ink.safetensors")
    for name in ("styles/ink:0.8", "styles/ink.safetensors:0.8", f"{models}/loras/styles/ink.safetensors:0.8"):
        done = run("render", PROMPT, "--models", str(models), *FAST, "--seed", "1", "--lora", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        with Image.open(tmp_path / "anima.png") as image:
            assert 'Loras: "ink: 0.8"' in image.info["parameters"]
            assert "ink.safetensors" in image.info["prompt"]


def test_the_linter_runs_first(tiny: Tiny, tmp_path: Path) -> None:
    done = run("render", "1girl, (smile", "--models", str(tiny.folder), *FAST, cwd=tmp_path)
    assert done.returncode == 1
    assert "delimiter-unbalanced" in done.stderr
    assert list(tmp_path.iterdir()) == []
    done = run("render", "1girl, (smile", "--models", str(tiny.folder), *FAST, "--no-lint", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "anima.png\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "17x9"], "width is 17; expected a multiple of 16"),
        (["--size", "big"], "size is 'big'"),
        (["--steps", "0"], "steps is 0"),
        (["--sampler", "magic"], "sampler is 'magic'"),
        (["-o", "a.gif"], "suffix is '.gif'"),
        (["--seed", "-2"], "seed is -2"),
        (["--denoise", "0.5"], "--denoise needs --init"),
        (["--interval", "x"], "interval is 'x'"),
        (["--apg", "x"], "apg is 'x'"),
        (["--models", "/nowhere"], "is not a folder"),
        (["--models", "~nobody-of-that-name"], "is not a folder"),
        (["--models", "x" * 300], "is not a folder"),
        (["--lora", "x" * 300], "does not exist"),
        (["--lora", "nowhere.safetensors"], "nowhere.safetensors: does not exist"),
        (["--device", "abacus"], "device 'abacus' cannot be used"),
        (["--dtype", "fp4"], "dtype is 'fp4'"),
        (["--profile", "huge"], "huge"),
        (["--cfg", "nan"], "guidance scale is nan"),
    ],
)
def test_mistakes_get_one_line(tiny: Tiny, tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run("render", PROMPT, "--models", str(tiny.folder), *FAST, *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert said in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_models_check(tiny: Tiny, tmp_path: Path) -> None:
    done = run("models", "check", "--models", str(tiny.folder), "--load")
    assert done.returncode == 0, done.stderr
    assert "all files load and fit" in done.stdout
    done = run("models", "check", str(tmp_path))
    assert done.returncode == 1
    assert "missing: DiT" in done.stderr


def test_lora_commands(tiny: Tiny, tmp_path: Path) -> None:
    metadata = {"ss_tag_frequency": json.dumps({"10_a": {"inkwell": 30, "1girl": 20}}), "ss_network_dim": "4"}
    save_file(small_lora(), tmp_path / "a.safetensors", metadata)
    done = run("lora", "inspect", "a.safetensors", "--json", cwd=tmp_path)
    data = json.loads(done.stdout)
    assert (data["modules"], data["forms"], data["ranks"]) == (4, {"LoRA": 4}, {"4": 4})
    assert data["trigger words"] == ["inkwell", "1girl"]
    assert "inkwell" in run("lora", "inspect", "a.safetensors", cwd=tmp_path).stdout
    done = run("lora", "convert", "a.safetensors", "--to", "sd-scripts", "-o", "k.safetensors", cwd=tmp_path)
    assert done.returncode == 0
    assert all(name.startswith(("lora_unet_", "lora_te_")) for name in load_file(tmp_path / "k.safetensors"))
    (tmp_path / "usual").touch()
    assert (tmp_path / "k.safetensors").stat().st_mode == (tmp_path / "usual").stat().st_mode
    only = {n: t for n, t in small_lora().items() if "text_encoders" not in n}
    save_file(only, tmp_path / "d.safetensors")
    model = str(tiny.files.dit)
    done = run("lora", "merge", model, "d.safetensors:0.5", "-o", "m.safetensors", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("lora", "extract", model, "m.safetensors", "--rank", "4", "-o", "e.safetensors", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = load_file(tmp_path / "e.safetensors")
    stem = "diffusion_model.blocks.0.self_attn.q_proj"
    got = made[f"{stem}.lora_B.weight"] @ made[f"{stem}.lora_A.weight"]
    want = only[f"{stem}.lora_B.weight"] @ only[f"{stem}.lora_A.weight"] / 2
    assert (got - want).abs().max() < 1e-4
    done = run("lora", "merge", model, "a.safetensors", "-o", "x.safetensors", cwd=tmp_path)
    assert done.returncode == 2, "a text-encoder part cannot go into the DiT's file"
    assert not (tmp_path / "x.safetensors").exists()


def no_room() -> None:
    """Let no file grow beyond 600 bytes: the write that crosses the line fails, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", PROMPT, "--models", "MODEL", *FAST, "-o", "kept.png"),
        ("render", PROMPT, "--models", "MODEL", *FAST, "-o", "kept.webp"),
        ("lora", "convert", "a.safetensors", "--to", "sd-scripts", "-o", "kept.safetensors"),
        ("lora", "merge", "DIT", "a.safetensors", "-o", "kept.safetensors"),
        ("lora", "extract", "DIT", "tuned.safetensors", "--rank", "4", "-o", "kept.safetensors"),
    ],
    ids=lambda arguments: " ".join((*arguments[:2], arguments[-1])),
)
def test_a_full_disk_leaves_what_was_there(tiny: Tiny, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    only = {name: tensor for name, tensor in small_lora().items() if "text_encoders" not in name}
    save_file(only, tmp_path / "a.safetensors")
    assert tiny.files.dit is not None
    tuned = {name: tensor + 0.01 for name, tensor in load_file(tiny.files.dit).items()}
    save_file(tuned, tmp_path / "tuned.safetensors")
    kept = tmp_path / arguments[-1]
    kept.write_bytes(b"mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    named = {"MODEL": str(tiny.folder), "DIT": str(tiny.files.dit)}
    done = run(*(named.get(word, word) for word in arguments), cwd=tmp_path, prepare=no_room)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert f"{kept.name}: cannot be written" in errors[0]
    assert "free some space" in errors[0]
    assert kept.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == before
