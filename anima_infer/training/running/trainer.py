"""The loop of a training: steps, states, results, validation, previews. The caller owns progress and cancellation."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from anima_infer.errors import TrainingError
from anima_infer.files import ModelFiles
from anima_infer.placement import one_thread_if_tiny
from anima_infer.training.data.cache import file_digest
from anima_infer.training.data.images import TrainingImage
from anima_infer.training.data.order import BatchOrder, mixed
from anima_infer.training.data.prepared import PreparedData
from anima_infer.training.losses import Loss
from anima_infer.training.running.building import Trained
from anima_infer.training.running.log import Log
from anima_infer.training.running.metadata import result_metadata
from anima_infer.training.running.results import delete_old, write_adapter, write_model
from anima_infer.training.running.state import (
    TrainingState,
    check_same_training,
    load_state,
    save_state,
    spec_record,
)
from anima_infer.training.running.steps import Draws, Objective
from anima_infer.training.running.validation import Validation
from anima_infer.training.spec.definition import LossOptions, TimestepOptions, TrainSpec
from anima_infer.training.timesteps import TimestepSampling
from anima_infer.training.updates import RoundingUpdater, rate_factor

STATE = "state.safetensors"
LOG = "log.jsonl"

Preview = Callable[[int], None]
"""Makes the previews after a step."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What happened in a step, counted from 1."""

    step: int
    steps: int
    loss: float
    """Mean over the batches; NaN where none was finite."""

    rate: float
    norm: float
    seconds: float
    skipped: int
    """Batches whose loss was not finite."""

    validation: dict[str, float] | None = None
    saved: Path | None = None


def sampling_of(options: TimestepOptions) -> TimestepSampling:
    """Return how noise levels are drawn."""
    return TimestepSampling(**asdict(options))


def loss_of(options: LossOptions) -> Loss:
    """Return the loss."""
    return Loss(**asdict(options))


def order_of_images(spec: TrainSpec, images: Sequence[TrainingImage]) -> BatchOrder:
    """Return the order in which images come."""
    sizes, repeats = tuple(i.size for i in images), tuple(i.folder.repeats for i in images)
    return BatchOrder(sizes, repeats, spec.schedule.batch, spec.seed)


def steps_of(spec: TrainSpec, order: BatchOrder) -> int:
    """Return the number of steps."""
    if spec.schedule.steps is not None:
        return spec.schedule.steps
    assert spec.schedule.epochs is not None
    return math.ceil(order.batches_per_epoch() * spec.schedule.epochs / spec.schedule.accumulate)


def data_digest(data: PreparedData) -> str:
    """Return the digest of what is trained on: images, texts and repeats in their order."""
    parts = [(s.latents, s.flipped, s.captions, s.image.folder.repeats) for s in data.samples]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class Trainer:
    """One training."""

    def __init__(
        self,
        spec: TrainSpec,
        files: ModelFiles,
        trained: Trained,
        data: PreparedData,
        *,
        device: torch.device,
        dtype: torch.dtype,
        validation: PreparedData | None = None,
        preview: Preview | None = None,
    ) -> None:
        """Start at step 0; ``resume`` goes on from a state.

        Args:
            spec: options.
            files: of the model.
            trained: networks and what is trained of them.
            data: samples.
            device: that the networks are on.
            dtype: that they compute in.
            validation: samples whose loss is measured.
            preview: called every ``previews.every`` steps, and before the first.
        """
        self.spec, self.files, self.trained, self.data = spec, files, trained, data
        self.device, self.dtype, self.preview = device, dtype, preview
        sampling = sampling_of(spec.timesteps)
        self.objective = Objective(trained.networks, sampling, loss_of(spec.loss), dtype)
        self.order = order_of_images(spec, [sample.image for sample in data.samples])
        self.steps = steps_of(spec, self.order)
        adapter = trained.networks.adapter
        width = 0 if adapter is None else adapter.config.source_width
        self.draws = Draws(data, self.order, sampling, spec.data.captions.dropout, spec.seed, width, device)
        self.validation = None
        if validation is not None:
            self.validation = Validation(validation, self.objective, spec.validation.quantiles, spec.seed, device)
        self.step = 0
        self._stopping = False
        self._not_finite = 0
        self._digest = data_digest(data)
        if spec.optimizer.fused_backward:
            assert isinstance(trained.updater, RoundingUpdater)
            trained.updater.fuse_with_backward()

    @property
    def state_path(self) -> Path:
        """The file of the state."""
        return self.spec.output.folder / STATE

    def stop(self) -> None:
        """Make ``run`` end after the step that is under way; safe in a signal handler."""
        self._stopping = True

    def resume(self) -> None:
        """Go on from the saved state.

        Raises:
            TrainingError: there is none, it is damaged, or it belongs to another training.
        """
        state = load_state(self.state_path)
        check_same_training(self.state_path, state, self.spec, self._digest)
        parameters = self.trained.updater.parameters
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(state.tensors[f"parameter|{name}"])
        prefix = "optimizer|"
        self.trained.updater.load(
            {name.removeprefix(prefix): t for name, t in state.tensors.items() if name.startswith(prefix)}
        )
        self.step = state.step

    def save(self) -> None:
        """Save the state.

        Raises:
            TrainingError: it cannot be written.
        """
        tensors: dict[str, Tensor] = {f"parameter|{n}": p for n, p in self.trained.updater.parameters.items()}
        tensors |= {f"optimizer|{name}": tensor for name, tensor in self.trained.updater.state().items()}
        save_state(self.state_path, TrainingState(self.step, spec_record(self.spec), self._digest, tensors))

    def run(self) -> Iterator[StepReport]:
        """Train to the end, or until ``stop``; yield a report after every step.

        Raises:
            TrainingError: too many losses in a row are not finite, or a file cannot be read or written.
        """
        log = Log(self.spec.output.folder / LOG, resume_at=self.step)
        try:
            if self.step == 0:
                self._show()
            while self.step < self.steps and not self._stopping:
                with one_thread_if_tiny(self.trained.networks.dit):
                    report = self._one_step()
                log.write(report.step, _logged(report))
                yield report
            self.save()
        finally:
            log.close()

    def _one_step(self) -> StepReport:
        began, spec, number = time.perf_counter(), self.spec, self.step
        torch.manual_seed(mixed(spec.seed, "step", number))  # of dropout and of stochastic rounding
        factor = rate_factor(number, spec.schedule, self.steps)
        self.trained.updater.set_factor(factor)
        losses, skipped = self._losses(number)
        fused = spec.optimizer.fused_backward
        norm = self.trained.updater.step() if losses and not fused else math.nan
        self.step += 1
        self._check_finite(is_finite=bool(losses))
        measured = self._measured()
        saved = self._saved()
        if spec.previews.prompts and self.step % spec.previews.every == 0:
            self._show()
        mean = sum(losses) / len(losses) if losses else math.nan
        seconds, rate = time.perf_counter() - began, spec.optimizer.rate * factor
        return StepReport(self.step, self.steps, mean, rate, norm, seconds, skipped, measured, saved)

    def _losses(self, number: int) -> tuple[list[float], int]:
        """Add up the gradients of a step's batches; return the finite losses, and how many were not."""
        count, losses = self.spec.schedule.accumulate, []
        for index in range(number * count, (number + 1) * count):
            batch, noise, raw = self.draws.batch(index)
            with self._precision():
                each, _ = self.objective.of(batch, noise, raw)
            loss = each.mean()
            if not bool(torch.isfinite(loss)):
                continue
            (loss / count).backward()
            losses.append(float(loss.detach()))
        return losses, count - len(losses)

    def _precision(self) -> AbstractContextManager[object]:
        """Return autocast where weights are float32 and the computation is not."""
        if self.dtype is torch.float32 or self.spec.method.kind != "full" or self.spec.method.storage != "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def _check_finite(self, *, is_finite: bool) -> None:
        self._not_finite = 0 if is_finite else self._not_finite + 1
        if self._not_finite >= self.spec.output.most_not_finite:
            self.save()
            raise TrainingError(
                f"the loss was not finite in {self._not_finite} steps in a row; stopped at step {self.step}. Lower "
                f"optimizer.rate, and check the images; the state is saved"
            )

    def _measured(self) -> dict[str, float] | None:
        if self.validation is None or (self.step % self.spec.validation.every and self.step != self.steps):
            return None
        with self._precision():
            return self.validation.measure()

    def _saved(self) -> Path | None:
        output, path = self.spec.output, None
        is_last = self.step == self.steps
        if is_last:
            path = self.write_result(output.folder / f"{output.name}.safetensors")
        elif output.save_every and self.step % output.save_every == 0:
            path = self.write_result(output.folder / f"{output.name}-{self.step:06}.safetensors")
            delete_old(output.folder, output.name, output.keep)
        if output.state_every and self.step % output.state_every == 0 and not is_last:
            self.save()
        return path

    def write_result(self, path: Path) -> Path:
        """Write what is trained so far; return the path.

        Raises:
            InferError: it cannot be written.
        """
        assert self.files.dit is not None
        base = {"name": self.files.dit.name, "sha256": file_digest(self.files.dit)}
        metadata = result_metadata(
            self.spec, self.data.samples, step=self.step, steps=self.steps, base=base, data=self._digest
        )
        output = self.spec.output
        if self.trained.changes:
            write_adapter(path, self.trained.changes, spelling=output.format, dtype=output.dtype, metadata=metadata)
        else:
            write_model(path, self.trained.weights, dtype=output.dtype, metadata=metadata)
        return path

    def _show(self) -> None:
        if self.preview is not None and self.spec.previews.prompts:
            with torch.no_grad():
                self.preview(self.step)


def _logged(report: StepReport) -> dict[str, object]:
    values: dict[str, object] = {
        "loss": None if math.isnan(report.loss) else report.loss,
        "rate": report.rate,
        "norm": None if math.isnan(report.norm) else report.norm,
        "seconds": round(report.seconds, 4),
    }
    if report.skipped:
        values["not_finite"] = report.skipped
    if report.validation is not None:
        values["validation"] = report.validation
    return values
