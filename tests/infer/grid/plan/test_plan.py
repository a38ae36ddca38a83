"""Plans: keys, order, batches, cost, and what an extension keeps."""

from __future__ import annotations

import itertools
import json

import pytest

from anima_infer.errors import GridError
from anima_infer.grid.plan.cost import count_model_calls
from anima_infer.grid.plan.jobs import job_from_dict, job_to_dict
from anima_infer.grid.plan.plan import make_plan
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.settings import RenderSettings
from tests.infer.grid.conftest import grid_spec


def test_a_key_stands_for_everything_that_the_image_depends_on() -> None:
    plan = make_plan(grid_spec({"cfg": "1-2"}, {"steps": [1, 2]}, {"add": ["none", "smile"]}, {"seed": [1, 2]}))
    assert len({cell.key for cell in plan.cells}) == len(plan.cells) == 16
    again = make_plan(grid_spec({"seed": [1, 2]}, {"steps": [1, 2]}, {"add": ["none", "smile"]}, {"cfg": "1-2"}))
    assert {cell.key for cell in again.cells} == {cell.key for cell in plan.cells}


def test_cells_that_come_out_the_same_share_one_image() -> None:
    plan = make_plan(grid_spec({"weight": "night", "values": ["none", 1, 2]}))
    assert plan.duplicates == 1
    assert len(plan.rendered) == 2
    assert plan.cells[0].batch == plan.cells[1].batch >= 0


def test_models_change_least_then_loras_then_settings() -> None:
    spec = grid_spec(
        {"seed": [1, 2]}, {"steps": [1, 2]}, {"loras": ["none", "a.safetensors:0.5"]}, {"checkpoint": ["none", "other"]}
    )
    plan = make_plan(spec)
    models = [batch.cells[0].checkpoint for batch in plan.batches]
    loras = [(batch.cells[0].checkpoint, batch.cells[0].job.loras) for batch in plan.batches]
    assert plan.model_loads == len(list(itertools.groupby(models))) == 2
    assert len(list(itertools.groupby(loras))) == 4
    for batch in plan.batches:
        assert len({cell.job.settings.steps for cell in batch.cells}) == 1


def test_batches_hold_a_megapixel_or_what_the_specification_says() -> None:
    axis = {"seed": "1-40"}
    assert [len(batch.cells) for batch in make_plan(grid_spec(axis)).batches] == [16, 16, 8]
    large = make_plan(grid_spec(axis, base={"size": "1024x1024"}))
    assert {len(batch.cells) for batch in large.batches} == {1}
    assert [len(batch.cells) for batch in make_plan(grid_spec(axis, batch=30)).batches] == [30, 10]


def test_an_extension_leaves_earlier_batches_as_they_were() -> None:
    before = make_plan(grid_spec({"cfg": "1-3"}, seeds=5, batch=4))
    earlier = {cell.key: cell.batch for cell in before.cells}
    after = make_plan(grid_spec({"cfg": "1-4"}, seeds=5, batch=4), earlier=earlier)
    kept = [batch for batch in after.batches if batch.cells[0].key in earlier]
    assert {cell.key: cell.batch for cell in after.cells if cell.key in earlier} == earlier
    assert [tuple(cell.key for cell in batch.cells) for batch in kept] == [
        tuple(cell.key for cell in batch.cells) for batch in before.batches
    ]
    assert len({batch.number for batch in after.batches}) == len(after.batches)


def test_a_job_comes_back_from_plain_types() -> None:
    spec = grid_spec({"loras": ["a.safetensors:0.5:0.25"]}, {"zero_star": ["on"]}, base={"dialect": "a1111"})
    job = make_plan(spec).cells[0].job
    assert job_from_dict(json.loads(json.dumps(job_to_dict(job)))) == job


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_calls_of_every_sampler_are_counted(sampler: str) -> None:
    sigmas = tuple(RenderSettings(width=64, height=64, steps=4, sampler=sampler).sigmas().tolist())
    calls = count_model_calls(sampler, sigmas)
    assert 4 <= calls <= 16


def test_the_cost_counts_pixels_steps_and_guidance() -> None:
    plain = make_plan(grid_spec({"seed": [1]}, base={"cfg": 1, "steps": 4}))
    assert plain.cost == pytest.approx(64 * 64 * 4 / 1e6)
    assert make_plan(grid_spec({"seed": [1]}, base={"cfg": 3, "steps": 4})).cost == pytest.approx(2 * plain.cost)
    assert plain.image_bytes > 0


def test_too_many_cells_are_refused_before_they_are_made() -> None:
    with pytest.raises(GridError, match="has 1000000 cells; at most 20000"):
        make_plan(grid_spec({"seed": "1-1000"}, {"cfg": "1-1000"}))
