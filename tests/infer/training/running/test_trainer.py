"""Facts about a whole training on the tiny model: resuming, freezing, failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from anima_infer.errors import TrainingError
from anima_infer.training.running.session import Session
from anima_infer.training.running.trainer import Trainer
from tests.infer.tiny import Tiny
from tests.infer.training.dataset import open_session

MODES: dict[str, dict[str, Any]] = {
    "lora": {
        "method": {"rank": 2, "dropout": 0.2, "rank_dropout": 0.2, "module_dropout": 0.2},
        "optimizer": {"rate": 1e-3, "lora_plus": 4},
        "data": {"captions": {"shuffle": "general", "variants": 2}},
    },
    "loha": {"method": {"kind": "loha", "rank": 2}, "schedule": {"accumulate": 2, "warmup": 0.5, "kind": "cosine"}},
    "lokr": {"method": {"kind": "lokr", "rank": 2, "factor": 4}, "optimizer": {"rate": 1e-3, "kind": "adafactor"}},
    "full": {"method": {"kind": "full"}},
    "full bf16, fused": {
        "method": {"kind": "full", "storage": "bf16"},
        "optimizer": {"kind": "adafactor", "rate": 1e-4, "clip": 0, "fused_backward": True},
    },
    "full bf16, compensated": {
        "method": {"kind": "full", "storage": "bf16", "rounding": "compensated", "rates": {"adapter": 1e-4, "mlp": 0}}
    },
}


def session_of(tiny: Tiny, folder: Path, mode: str, out: str, **extra: Any) -> Session:
    from anima_infer.training.spec.reader import spec_from_dict
    from tests.infer.training.dataset import spec_of

    spec = spec_of(tiny, folder, **MODES[mode])
    if spec["method"].get("kind") == "full":
        spec["method"].pop("rank")
    spec["output"]["folder"] = out
    for section, options in extra.items():
        spec[section] = {**spec.get(section, {}), **options}
    return Session.open(spec_from_dict(spec, folder=folder))


def trainer_of(session: Session) -> Trainer:
    data, validation = session.prepare()
    return session.trainer(data, validation)


def result(session: Session) -> dict[str, torch.Tensor]:
    return load_file(session.spec.output.folder / "anima-lora.safetensors")


@pytest.mark.parametrize("mode", MODES)
def test_a_resumed_training_gives_the_same_bits(mode: str, tiny: Tiny, tmp_path: Path) -> None:
    whole = session_of(tiny, tmp_path, mode, "whole")
    losses = [report.loss for report in trainer_of(whole).run()]
    parts = session_of(tiny, tmp_path, mode, "parts")
    trainer, seen = trainer_of(parts), []
    for report in trainer.run():
        seen.append(report.loss)
        if report.step == 2:
            trainer.stop()
    trainer = trainer_of(parts)
    trainer.resume()
    assert trainer.step == 2
    seen += [report.loss for report in trainer.run()]
    assert seen == losses
    assert len(set(losses)) == 4
    expected, found = result(whole), result(parts)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]


def test_training_changes_what_it_should_and_nothing_else(tiny: Tiny, tmp_path: Path) -> None:
    session = session_of(tiny, tmp_path, "lora", "out")
    trainer = trainer_of(session)
    networks = trainer.trained.networks
    before = {name: weight.clone() for name, weight in networks.dit.state_dict().items() if ".change." not in name}
    for _ in trainer.run():
        pass
    after = networks.dit.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    ups = [parameter for name, parameter in trainer.trained.updater.parameters.items() if name.endswith(".up")]
    assert all(bool(parameter.any()) for parameter in ups)
    assert {name for name, p in networks.dit.named_parameters() if p.requires_grad} == {
        name for name, _ in networks.dit.named_parameters() if ".change." in name
    }


def test_full_fine_tuning_leaves_frozen_parts_alone(tiny: Tiny, tmp_path: Path) -> None:
    session = session_of(tiny, tmp_path, "full bf16, compensated", "out")
    trainer = trainer_of(session)
    for _ in trainer.run():
        pass
    base = {n: t.to(torch.bfloat16).float() for n, t in load_file(tiny.files.dit).items()}  # type: ignore[arg-type]
    trained = result(session)
    assert trained.keys() == base.keys(), "the release's layout"
    changed = {name for name, tensor in trained.items() if not torch.equal(tensor, base[name])}
    assert not any(".mlp.layer" in name for name in changed)
    assert any("llm_adapter" in name for name in changed)
    assert any("self_attn" in name for name in changed)


def test_losses_that_are_not_finite_are_skipped_counted_and_end_the_training(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(
        tiny,
        tmp_path,
        "loha",
        "out",
        schedule={"steps": 9, "accumulate": 2, "warmup": 0},
        output={"most_not_finite": 3},
    )
    trainer = trainer_of(session)
    real, calls = type(trainer.objective).of, []

    def sometimes(objective: Any, *arguments: Any) -> Any:
        losses, levels = real(objective, *arguments)
        calls.append(1)
        broken = len(calls) == 2 or len(calls) > 6
        return (losses * float("nan") if broken else losses), levels

    monkeypatch.setattr(type(trainer.objective), "of", sometimes)
    skipped: list[int] = []
    with pytest.raises(
        TrainingError, match=r"not finite in 3 steps in a row; stopped at step 6\..* the state is saved"
    ):
        skipped.extend(report.skipped for report in trainer.run())
    lines = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line).get("not_finite", 0) for line in lines] == [1, 0, 0, 2, 2]
    assert trainer.state_path.exists()


def test_states_of_other_trainings_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    session = session_of(tiny, tmp_path, "lora", "out")
    with pytest.raises(TrainingError, match=r"state\.safetensors: does not exist; there is nothing to resume"):
        trainer_of(session).resume()
    trainer_of(session).save()
    other = session_of(tiny, tmp_path, "lora", "out", optimizer={"rate": 2e-3})
    with pytest.raises(TrainingError, match=r"saved with other options \(optimizer\.rate\); restore them"):
        trainer_of(other).resume()
    longer = session_of(tiny, tmp_path, "lora", "out", schedule={"steps": 8})
    trainer_of(longer).resume()
    (tmp_path / "images" / "0.txt").write_text("another caption")
    with pytest.raises(TrainingError, match="saved with other images or captions"):
        trainer_of(session_of(tiny, tmp_path, "lora", "out")).resume()
    path = trainer_of(session).state_path
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="cannot be read"):
        trainer_of(session).resume()


def test_results_are_saved_and_old_ones_deleted(tiny: Tiny, tmp_path: Path) -> None:
    session = session_of(tiny, tmp_path, "lora", "out", output={"save_every": 1, "keep": 2, "name": "me"})
    saved = [report.saved for report in trainer_of(session).run()]
    assert [path.name for path in saved if path] == [
        "me-000001.safetensors", "me-000002.safetensors", "me-000003.safetensors", "me.safetensors",
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out").glob("*.safetensors")) == [
        "me-000002.safetensors", "me-000003.safetensors", "me.safetensors", "state.safetensors",
    ]  # fmt: skip
    with safe_open(tmp_path / "out" / "me.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert metadata["ss_network_module"] == "networks.lora_anima"
    assert metadata["ss_steps"] == "4"
    assert metadata["modelspec.architecture"] == "anima/lora"
    assert json.loads(metadata["anima_train.spec"])["method"]["rank"] == 2
    assert json.loads(metadata["ss_tag_frequency"])["images"]["1girl"] == 2


def test_validation_is_the_same_function_whenever_it_is_measured(tiny: Tiny, tmp_path: Path) -> None:
    session = session_of(
        tiny, tmp_path, "lora", "out", optimizer={"rate": 1e-9}, validation={"folder": {"path": "images"}, "every": 2}
    )
    measured = [report.validation for report in trainer_of(session).run()]
    assert measured[0] is None
    first, second = measured[1], measured[3]
    assert first is not None
    assert second is not None
    assert set(first) == {"mean", "0.1", "0.3", "0.5", "0.7", "0.9"}
    assert first == pytest.approx(second, rel=1e-4)


def test_the_text_encoder_may_be_trained(tiny: Tiny, tmp_path: Path) -> None:
    include = [r"text_encoder\.layers\.0\.self_attn\.q_proj", r"llm_adapter\.blocks\.1\.mlp\.0"]
    session = open_session(tiny, tmp_path, method={"targets": {"preset": "attn", "include": include}})
    data, _ = session.prepare()
    assert data.caption(data.samples[0].captions[0]).hidden is None
    trainer = session.trainer(data, None)
    for _ in trainer.run():
        pass
    names = set(result(session))
    assert "lora_te_layers_0_self_attn_q_proj.lora_up.weight" in names
    assert "lora_unet_llm_adapter_blocks_1_mlp_0.lora_up.weight" in names
    assert result(session)["lora_te_layers_0_self_attn_q_proj.lora_up.weight"].any()
