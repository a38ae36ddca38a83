"""``anima-infer grid``: plan, run, sheet, report, review, results, export, adopt, schema."""

from __future__ import annotations

import json
import sys
import webbrowser
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anima_infer.errors import GridError
from anima_infer.grid.store.contents import Grid, open_grid
from anima_prompt.numbers import counted
from anima_prompt.profiles import DEFAULT_PROFILE

if TYPE_CHECKING:
    from anima_infer.grid.measure.effects import Scorer
    from anima_infer.grid.plan.plan import Plan
    from anima_infer.grid.run.runner import Step
    from anima_prompt.diagnostics import Diagnostic

DONE, FINDINGS, INTERRUPTED = 0, 1, 130


# --- plan ------------------------------------------------------------------------------------------------------------


def plan(spec: str, output: Path | None, folder: str | None, *, as_json: bool) -> int:
    """Print what a grid holds and costs; return 1 if the linter found errors."""
    from anima_infer.grid.run.runner import plan_for
    from anima_infer.grid.spec.reader import read_spec

    planned = plan_for(read_spec(spec, profile=_profile(folder)), output)
    found = lint(planned)
    seconds = _estimate(planned, output)
    if as_json:
        click.echo(json.dumps(_plan_data(planned, found, seconds), ensure_ascii=False, indent=1))
    else:
        _print_plan(planned, found, seconds)
    return FINDINGS if _has_errors(found) else DONE


def _profile(folder: str | None) -> str:
    """Return the profile of the model that a run would use; where there is no model, that of base 1.0."""
    from anima_infer.errors import CheckpointError
    from anima_infer.files import default_files, find_files
    from anima_infer.render.job import default_profile

    try:
        return default_profile(find_files(folder) if folder else default_files()).key
    except CheckpointError:
        return DEFAULT_PROFILE


def lint(planned: Plan) -> Counter[Diagnostic]:
    """Return what the linter says of the grid's distinct prompts, and how many of them each finding is in."""
    from anima_prompt.diagnostics import Severity
    from anima_prompt.lint import Document, Linter
    from anima_prompt.lint.config import Config

    linter = Linter(Config())
    documents = {(cell.job.prompt, cell.job.negative, cell.job.dialect) for cell in planned.cells}
    profile = planned.spec.base.profile.key
    found: Counter[Diagnostic] = Counter()
    seen: dict[tuple[str, str], Diagnostic] = {}
    for text, negative, dialect in sorted(documents):
        named = {
            (d.code, d.message): d
            for d in linter.check(Document(text, negative or None, dialect=dialect, profile=profile))
        }
        for key, diagnostic in named.items():
            if diagnostic.severity is not Severity.INFO:
                found[seen.setdefault(key, diagnostic)] += 1
    return found


def _has_errors(found: Mapping[Diagnostic, int]) -> bool:
    from anima_prompt.diagnostics import Severity

    return any(diagnostic.severity is Severity.ERROR for diagnostic in found)


def _estimate(planned: Plan, output: Path | None) -> float | None:
    from anima_infer.grid.run.speed import measured, remembered

    rate = measured(output) if output is not None and (output / "manifest.jsonl").is_file() else None
    rate = rate or remembered("last")
    return None if rate is None else rate * planned.work


def _print_plan(planned: Plan, found: Mapping[Diagnostic, int], seconds: float | None) -> None:
    spec = planned.spec
    click.echo(spec.name)
    roles = {name: role for role in ("rows", "columns", "pages") for name in getattr(spec.layout, role)}
    for axis in spec.axes:
        labels = ", ".join(_short(value.label) for value in axis.values)
        click.echo(f"  {axis.name} ({roles[axis.name]}): {labels}; baseline {_short(axis.baseline)}")
    rendered = planned.rendered
    told = [counted(len(planned.cells), "cell"), counted(len(rendered), "image")]
    if planned.repeated:
        told.append(f"{counted(planned.repeated, 'cell')} with an image that another one shows")
    click.echo(", ".join(told))
    loras = len({cell.job.loras for cell in rendered if cell.job.loras})
    click.echo(
        f"{counted(len(planned.texts), 'distinct prompt')}, {counted(planned.loads, 'model load')}, "
        f"{counted(loras, 'set')} of LoRAs, {counted(len(planned.batches), 'batch', 'es')}"
    )
    time = "time not known before the first run" if seconds is None else f"about {_duration(seconds)} at the last rate"
    click.echo(f"{time}, about {planned.disk / 1e6:.1f} MB of images")
    _print_findings(found, len(planned.texts))


def _print_findings(found: Mapping[Diagnostic, int], texts: int) -> None:
    for diagnostic, count in sorted(found.items(), key=lambda pair: (pair[0].severity.rank, -pair[1])):
        where = f" (in {count} of {texts} prompts)" if texts > 1 else ""
        click.echo(f"{diagnostic.severity}: {diagnostic.code} {diagnostic.name}: {diagnostic.message}{where}", err=True)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _plan_data(planned: Plan, found: Mapping[Diagnostic, int], seconds: float | None) -> dict[str, Any]:
    from anima_infer.grid.run.runner import plan_data

    data = plan_data(planned, {})
    data.pop("files")
    return {
        **data,
        "images": len(planned.rendered),
        "texts": planned.texts,
        "model_loads": planned.loads,
        "batches": [[cell.key for cell in batch.cells] for batch in planned.batches],
        "work": round(planned.work, 4),
        "seconds": None if seconds is None else round(seconds, 1),
        "bytes": planned.disk,
        "findings": [
            {"code": d.code, "name": d.name, "severity": str(d.severity), "message": d.message, "prompts": count}
            for d, count in found.items()
        ],
    }


# --- run -------------------------------------------------------------------------------------------------------------


def run(spec: str, output: Path, given: Mapping[str, Any]) -> int:
    """Render what is missing, then write sheet and report; return the exit code."""
    from anima_infer.cli.render import chosen_files
    from anima_infer.grid.executors.in_process import InProcess
    from anima_infer.grid.run.runner import plan_for, run_grid
    from anima_infer.grid.run.speed import remember
    from anima_infer.grid.spec.reader import read_spec
    from anima_infer.models import Models

    planned = plan_for(read_spec(spec, profile=_profile(given["folder"])), output)
    found = lint(planned)
    _print_findings(found, len(planned.texts))
    if _has_errors(found) and not given["no_lint"]:
        click.echo("error: the linter found errors; fix them, or render anyway with --no-lint", err=True)
        return FINDINGS
    files = chosen_files(given["folder"], another="the specification's key checkpoint")
    load = partial(Models.load, dtype=given["dtype"], device=given["device"], offload=given["offload"])
    executor = InProcess(files, load=load, compiled=given["compiled"])
    try:
        summary = run_grid(planned, output, executor, resume=given["resume"], tell=_tell)
    except KeyboardInterrupt:
        click.echo(
            f"\ninterrupted; what is finished is kept, go on with 'grid run {spec} -o {output} --resume'", err=True
        )
        return INTERRUPTED
    if summary.made and summary.seconds:
        made = summary.seconds / planned.work * len(planned.rendered) / (summary.made + summary.failed)
        remember("last", made)
    _clear()
    click.echo(
        f"{counted(summary.made, 'image')} made in {_duration(summary.seconds)}, {summary.kept} kept, "
        f"{summary.failed} failed",
        err=True,
    )
    grid = open_grid(output)
    if any(cell.done for cell in grid.cells):
        for path in (*_sheets(grid, output / "sheet.png", None), _report(grid, output / "report.html", {})):
            click.echo(str(path))
    return FINDINGS if summary.failed else DONE


def _tell(step: Step) -> None:
    outcome = step.outcome
    if outcome.error:
        _clear()
        click.echo(f"failed: {_short(outcome.cell.job.prompt)}: {outcome.error}", err=True)
    if sys.stderr.isatty():
        left = _duration(step.left)
        click.echo(f"\r\x1b[K{step.made} of {counted(step.total, 'image')}, {left} left", nl=False, err=True)
    elif step.made % max(1, step.total // 10) == 0:
        click.echo(f"{step.made} of {counted(step.total, 'image')}, {_duration(step.left)} left", err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


# --- pages -----------------------------------------------------------------------------------------------------------


def sheet(folder: Path, output: Path | None, cell: int | None) -> int:
    """Write the contact sheets."""
    for path in _sheets(open_grid(folder), output or folder / "sheet.png", cell):
        click.echo(str(path))
    return DONE


def _sheets(grid: Grid, output: Path, cell: int | None) -> list[Path]:
    from anima_infer.grid.pages.sheet import write_sheets

    return write_sheets(grid, output, cell=cell)


def report(folder: Path, output: Path | None, given: Mapping[str, Any]) -> int:
    """Write the report."""
    click.echo(str(_report(open_grid(folder), output or folder / "report.html", given)))
    return DONE


def _report(grid: Grid, output: Path, given: Mapping[str, Any]) -> Path:
    from anima_infer.grid.measure.effects import compute_effects, measure_grid
    from anima_infer.grid.pages.report import write_report
    from anima_infer.grid.store.files import VOTES
    from anima_infer.grid.votes.results import compute_results
    from anima_infer.grid.votes.votes import Votes

    scorers: dict[str, Scorer] = {}
    if given.get("tagger"):
        scorers["shown"] = _scorer(given["tagger"])
    figures = measure_grid(grid, scorers)
    votes = Votes(grid.folder).all() if (grid.folder / VOTES).is_file() else []
    return write_report(
        grid,
        output,
        figures=figures,
        effects=compute_effects(grid, figures),
        results=compute_results(grid, votes),
        embed=given.get("embed"),
    )


def _scorer(tagger: str) -> Scorer:
    """Return the tagger in a folder, or the demo model's judge."""
    if tagger == "demo":
        from anima_infer.demo.judge import Judge
        from anima_infer.files import demo_folder

        return Judge.load(demo_folder() / "judge.safetensors")
    from anima_infer.grid.measure.tagger import OnnxTagger

    return OnnxTagger(Path(tagger))


def review(folder: Path, axis: str | None, port: int, *, open_page: bool) -> int:
    """Serve the review page until interrupted."""
    from anima_infer.grid.pages.review import Review
    from anima_infer.grid.pages.review_server import ReviewServer

    server = ReviewServer(Review(open_grid(folder), axis), port)
    click.echo(server.address)
    click.echo("open the address in a browser; Ctrl-C ends the review, every vote is kept", err=True)
    if open_page:
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        server.server_close()
    return DONE


def results(folder: Path, form: str) -> int:
    """Print what the votes say."""
    from anima_infer.grid.votes.results import compute_results, results_csv
    from anima_infer.grid.votes.votes import Votes

    grid = open_grid(folder)
    found = compute_results(grid, Votes(folder).all())
    if form == "json":
        click.echo(json.dumps([result.to_dict() for result in found], ensure_ascii=False, indent=1))
        return DONE
    if form == "csv":
        click.echo(results_csv(found), nl=False)
        return DONE
    if not found:
        click.echo(f"no votes yet; 'anima-infer grid review {folder}' collects them", err=True)
    for result in found:
        _print_result(result)
    return DONE


def _print_result(result: Any) -> None:
    click.echo(f"{result.axis}: {counted(result.votes, 'vote')} of {counted(len(result.voters), 'voter')}")
    width = max(len(_short(label)) for label, _ in result.ranking)
    for label, strength in result.ranking:
        click.echo(
            f"  {_short(label):{width}}  {strength.strength:+.2f}  ({strength.low:+.2f} to {strength.high:+.2f})"
        )
    for pair in result.pairs:
        more = "clear" if pair.needed == 0 else f"about {pair.needed} more votes" if pair.needed else "no end in sight"
        click.echo(
            f"  {_short(pair.one)} against {_short(pair.other)}: {pair.won} won, {pair.lost} lost, "
            f"{pair.tied + pair.bad} for neither; {pair.rate:.0%} ({pair.low:.0%} to {pair.high:.0%}), "
            f"p = {pair.p:.3f}; {more}"
        )
    click.echo(f"  {result.words}")


# --- elsewhere -------------------------------------------------------------------------------------------------------


def export(spec: str, output: Path, model: str | None, profile: str | None) -> int:
    """Write a ComfyUI API workflow for each image."""
    from anima_infer.files import RELEASE_FILES
    from anima_infer.grid.plan.plan import make_plan
    from anima_infer.grid.spec.reader import read_spec
    from anima_infer.grid.store.files import write_text
    from anima_infer.render.metadata import make_workflow

    planned = make_plan(read_spec(spec, profile=DEFAULT_PROFILE if profile is None else profile))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise GridError(f"{output}: is not an empty folder; choose another one")
    for cell in planned.rendered:
        files = {
            **RELEASE_FILES,
            "dit": (cell.checkpoint and Path(cell.checkpoint).name) or model or RELEASE_FILES["dit"],
        }
        workflow = make_workflow(cell.job, files)
        save = next(node for node in workflow.values() if node["class_type"] == "SaveImage")
        save["inputs"]["filename_prefix"] = f"grid/{cell.number:04}"
        write_text(output / f"{cell.number:04}-{cell.key}.json", json.dumps(workflow, ensure_ascii=False, indent=1))
    click.echo(f"{counted(len(planned.rendered), 'workflow')} in {output}", err=True)
    return DONE


def adopt(folder: Path, output: Path) -> int:
    """Build a grid from images made elsewhere."""
    from anima_infer.grid.import_images import adopt as build

    adopted = build(folder, output)
    for reason in adopted.left:
        click.echo(f"left out: {reason}", err=True)
    click.echo(f"{counted(adopted.taken, 'image')} taken, {len(adopted.left)} left out", err=True)
    return report(output, None, {})


def schema() -> int:
    """Print the JSON schema of specifications."""
    from anima_infer.grid.spec.schema import grid_schema

    click.echo(json.dumps(grid_schema(), ensure_ascii=False, indent=1))
    return DONE
