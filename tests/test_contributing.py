"""The worked examples in CONTRIBUTING.md, run as they are printed there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = {
    match[1]: match[2]
    for match in re.finditer(
        r"```python\n# (\S+\.py)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL
    )
}


def example(file: str) -> dict[str, Any]:
    """Return the names that an example defines."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(BLOCKS[file], file, "exec"), names)  # noqa: S102
    return names


@pytest.mark.parametrize("file", BLOCKS)
def test_an_example_belongs_into_a_folder_that_exists_and_is_not_there_yet(file: str) -> None:
    assert (ROOT / file).parent.is_dir()
    assert not (ROOT / file).exists(), "the example has become code; write another one"


def test_the_rule_reports_its_bad_examples_and_fixes_them() -> None:
    from anima_prompt.lint import Config, Linter, all_rules

    rule = example("anima_prompt/lint/rules/typography/hashtag.py")["RULE"]
    assert rule.code not in {other.code for other in all_rules()}
    linter = Linter(Config(select=(rule.code,)), rules=[rule])
    for bad in rule.bad:
        assert [d.code for d in linter.check(bad.document())] == [rule.code]
        assert linter.fix(bad.document()).prompt == bad.fixed
    assert [linter.check(good.document()) for good in rule.good] == [[], []]


def test_the_sampler_follows_a_flow_that_is_known() -> None:
    torch = pytest.importorskip("torch")
    from anima_infer.sampling.schedule import sigmas_for

    class Constant:
        """The denoiser for data that are 2 everywhere: the flow is a straight line."""

        shift = 3.0

        def __call__(self, x: Any, sigma: Any) -> Any:
            return torch.full_like(x, 2.0)

    x = torch.randn(1, 16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    sampler = example("anima_infer/sampling/samplers/midpoint.py")["midpoint"]
    made = sampler(Constant(), x, sigmas_for(5), None)
    torch.testing.assert_close(made, torch.full_like(x, 2.0), atol=1e-5, rtol=0)


def test_the_executor_finishes_a_grid_and_resumes_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from anima_infer.grid.run.runner import plan_for, run_grid
    from tests.infer.grid.conftest import grid_spec

    executor = example("anima_infer/grid/executors/blank.py")["Blank"]()
    spec = grid_spec({"cfg": "1-3"}, seeds=2)
    assert run_grid(plan_for(spec, tmp_path), tmp_path, executor).rendered == 6
    summary = run_grid(plan_for(spec, tmp_path), tmp_path, executor, resume=True)
    assert (summary.rendered, summary.kept) == (0, 6)


def test_the_executor_is_chosen_on_the_command_line_and_needs_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from click.testing import CliRunner

    from anima_infer.cli.main import commands, run_grid
    from anima_infer.grid.executors import EXECUTORS, ExecutorKind

    blank = example("anima_infer/grid/executors/blank.py")["Blank"]
    monkeypatch.setitem(EXECUTORS, "blank", ExecutorKind("nowhere: gray images", lambda setup: blank()))
    (option,) = (option for option in run_grid.params if option.name == "executor")
    monkeypatch.setattr(option, "type", click.Choice(list(EXECUTORS)))
    spec = tmp_path / "spec.yaml"
    spec.write_text("base: {prompt: 1girl, size: 64x64}\naxes: [{cfg: 1-3}]\n", encoding="utf-8")
    arguments = ["grid", "run", str(spec), "-o", str(tmp_path / "g"), "--executor", "blank", "--models", "nowhere"]
    done = CliRunner().invoke(commands, [*arguments, "--no-lint"])
    assert "3 images rendered" in done.stderr, done.output
