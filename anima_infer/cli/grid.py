"""``anima-infer grid``: plan, run, sheet, report, review, results, export, import, schema."""

from __future__ import annotations

import json
import webbrowser
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anima_infer.errors import GridError
from anima_infer.grid.store.contents import Grid, open_grid
from anima_prompt.cli.progress import ProgressBar
from anima_prompt.numbers import counted
from anima_prompt.profiles import DEFAULT_PROFILE, guess_profile

if TYPE_CHECKING:
    from anima_infer.files import ModelFiles
    from anima_infer.grid.measure.effects import Scorer
    from anima_infer.grid.plan.plan import Plan
    from anima_infer.grid.run.runner import GridProgress
    from anima_prompt.diagnostics import Diagnostic

DONE, FINDINGS, INTERRUPTED = 0, 1, 130


# --- plan ------------------------------------------------------------------------------------------------------------


def plan(spec: str, output: Path | None, folder: str | None, profile: str | None, *, as_json: bool) -> int:
    """Print the cells, estimated time and lint findings of a grid; return 1 if there are lint errors."""
    from anima_infer.grid.run.runner import plan_for
    from anima_infer.grid.spec.reader import read_spec

    planned = plan_for(read_spec(spec, profile=profile or _profile(folder)), output)
    findings = lint(planned)
    seconds = _estimate(planned, output)
    if as_json:
        click.echo(json.dumps(_plan_data(planned, findings, seconds), ensure_ascii=False, indent=1))
    else:
        _print_plan(planned, findings, seconds)
    return FINDINGS if _has_errors(findings) else DONE


def _profile(folder: str | None) -> str:
    """Return the key of the profile of the model that a run would use; base 1.0 if there is no model."""
    from anima_infer.errors import CheckpointError
    from anima_infer.files import default_files, find_files
    from anima_infer.render.job import default_profile

    try:
        return default_profile(find_files(folder) if folder else default_files()).key
    except CheckpointError:
        return DEFAULT_PROFILE


def lint(planned: Plan) -> Counter[Diagnostic]:
    """Return the findings of the linter in the grid's distinct prompts, with the number of prompts of each."""
    from anima_prompt.diagnostics import Severity
    from anima_prompt.lint import Document, Linter
    from anima_prompt.lint.config import Config

    linter = Linter(Config())
    documents = {(cell.job.prompt, cell.job.negative, cell.job.dialect) for cell in planned.cells}
    profile = planned.spec.base.profile.key
    findings: Counter[Diagnostic] = Counter()
    first_of: dict[tuple[str, str], Diagnostic] = {}
    for text, negative, dialect in sorted(documents):
        by_message = {
            (d.code, d.message): d
            for d in linter.check(Document(text, negative or None, dialect=dialect, profile=profile))
        }
        for key, diagnostic in by_message.items():
            if diagnostic.severity is not Severity.INFO:
                findings[first_of.setdefault(key, diagnostic)] += 1
    return findings


def _has_errors(findings: Mapping[Diagnostic, int]) -> bool:
    from anima_prompt.diagnostics import Severity

    return any(diagnostic.severity is Severity.ERROR for diagnostic in findings)


def _estimate(planned: Plan, output: Path | None) -> float | None:
    from anima_infer.grid.run.speed import load_rate, measured_rate

    rate = measured_rate(output) if output is not None and (output / "manifest.jsonl").is_file() else None
    rate = rate or load_rate("last")
    return None if rate is None else rate * planned.cost


def _print_plan(planned: Plan, findings: Mapping[Diagnostic, int], seconds: float | None) -> None:
    spec = planned.spec
    click.echo(spec.name)
    roles = {name: role for role in ("rows", "columns", "pages") for name in getattr(spec.layout, role)}
    for axis in spec.axes:
        labels = ", ".join(_short(value.label) for value in axis.values)
        click.echo(f"  {axis.name} ({roles[axis.name]}): {labels}; baseline {_short(axis.baseline)}")
    rendered = planned.rendered
    counts = [counted(len(planned.cells), "cell"), counted(len(rendered), "image")]
    if planned.duplicates:
        counts.append(f"{counted(planned.duplicates, 'cell')} with the image of another cell")
    click.echo(", ".join(counts))
    loras = len({cell.job.loras for cell in rendered if cell.job.loras})
    click.echo(
        f"{counted(len(planned.texts), 'distinct prompt')}, {counted(planned.model_loads, 'model load')}, "
        f"{counted(loras, 'set')} of LoRAs, {counted(len(planned.batches), 'batch', 'es')}"
    )
    time = (
        "time unknown before the first run"
        if seconds is None
        else f"about {_duration(seconds)} at the speed of the last run"
    )
    click.echo(f"{time}, about {planned.image_bytes / 1e6:.1f} MB of images")
    _print_findings(findings, len(planned.texts))


def _print_findings(findings: Mapping[Diagnostic, int], texts: int) -> None:
    for diagnostic, count in sorted(findings.items(), key=lambda pair: (pair[0].severity.rank, -pair[1])):
        where = f" (in {count} of {texts} prompts)" if texts > 1 else ""
        click.echo(f"{diagnostic.severity}: {diagnostic.code} {diagnostic.name}: {diagnostic.message}{where}", err=True)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _plan_data(planned: Plan, findings: Mapping[Diagnostic, int], seconds: float | None) -> dict[str, Any]:
    from anima_infer.grid.run.runner import plan_data

    data = plan_data(planned, {})
    data.pop("files")
    return {
        **data,
        "images": len(planned.rendered),
        "texts": planned.texts,
        "model_loads": planned.model_loads,
        "batches": [[cell.key for cell in batch.cells] for batch in planned.batches],
        "cost": round(planned.cost, 4),
        "seconds": None if seconds is None else round(seconds, 1),
        "bytes": planned.image_bytes,
        "findings": [
            {"code": d.code, "name": d.name, "severity": str(d.severity), "message": d.message, "prompts": count}
            for d, count in findings.items()
        ],
    }


# --- run -------------------------------------------------------------------------------------------------------------


def run(spec: str, output: Path, options: Mapping[str, Any]) -> int:
    """Render the missing images, then write contact sheet and report; return the exit code."""
    from anima_infer.cli.render import chosen_files
    from anima_infer.grid.executors import make_executor
    from anima_infer.grid.executors.executor import Setup
    from anima_infer.grid.run.runner import plan_for, run_grid
    from anima_infer.grid.run.speed import save_rate
    from anima_infer.grid.spec.reader import read_spec
    from anima_infer.models import Models

    planned = plan_for(read_spec(spec, profile=options["profile"] or _profile(options["folder"])), output)
    findings = lint(planned)
    _print_findings(findings, len(planned.texts))
    if _has_errors(findings) and not options["no_lint"]:
        click.echo("error: the linter reports errors; fix them, or render anyway with --no-lint", err=True)
        return FINDINGS
    files = partial(chosen_files, options["folder"], option="the specification's key 'checkpoint'")
    load = partial(Models.load, dtype=options["dtype"], device=options["device"], offload=options["offload"])
    setup = Setup(
        files,
        load,
        compiled=options["compiled"],
        notify=lambda line: click.echo(f"note: {line}", err=True),
    )
    executor = make_executor(options["executor"], setup)
    try:
        with ProgressBar("rendering") as bar:
            summary = run_grid(
                planned, output, executor, resume=options["resume"], notify=lambda step: _notify(bar, step)
            )
    except KeyboardInterrupt:
        click.echo(
            f"\ninterrupted; finished images are kept, continue with 'grid run {spec} -o {output} --resume'", err=True
        )
        return INTERRUPTED
    if summary.rendered and summary.seconds:
        rate = summary.seconds / planned.cost * len(planned.rendered) / (summary.rendered + summary.failed)
        save_rate("last", rate)
    click.echo(
        f"{counted(summary.rendered, 'image')} rendered in {_duration(summary.seconds)}, {summary.kept} kept, "
        f"{summary.failed} failed",
        err=True,
    )
    grid = open_grid(output)
    if any(cell.done for cell in grid.cells):
        for path in (*_sheets(grid, output / "sheet.png", None), _report(grid, output / "report.html", {})):
            click.echo(str(path))
    return FINDINGS if summary.failed else DONE


def _notify(bar: ProgressBar, step: GridProgress) -> None:
    outcome = step.outcome
    if outcome.error:
        bar.message(f"failed: {_short(outcome.cell.job.prompt)}: {outcome.error}")
    left = f"{_duration(step.remaining)} left"
    bar.update(step.finished, step.total, f"{step.finished} of {counted(step.total, 'image')}, {left}")


# --- pages -----------------------------------------------------------------------------------------------------------


def sheet(folder: Path, output: Path | None, cell: int | None) -> int:
    """Write the contact sheets."""
    for path in _sheets(open_grid(folder), output or folder / "sheet.png", cell):
        click.echo(str(path))
    return DONE


def _sheets(grid: Grid, output: Path, cell: int | None) -> list[Path]:
    from anima_infer.grid.pages.sheet import write_sheets

    return write_sheets(grid, output, cell=cell)


def report(folder: Path, output: Path | None, options: Mapping[str, Any]) -> int:
    """Write the report."""
    click.echo(str(_report(open_grid(folder), output or folder / "report.html", options)))
    return DONE


def _report(grid: Grid, output: Path, options: Mapping[str, Any]) -> Path:
    from anima_infer.grid.measure.effects import compute_effects, measure_grid
    from anima_infer.grid.pages.report import write_report
    from anima_infer.grid.store.files import VOTES
    from anima_infer.grid.votes.results import compute_results
    from anima_infer.grid.votes.votes import Votes

    scorers: dict[str, Scorer] = {}
    if options.get("tagger"):
        scorers["shown"] = _scorer(options["tagger"])
    measures = measure_grid(grid, scorers)
    votes = Votes(grid.folder).all() if (grid.folder / VOTES).is_file() else []
    return write_report(
        grid,
        output,
        measures=measures,
        effects=compute_effects(grid, measures),
        results=compute_results(grid, votes),
        embed=options.get("embed"),
    )


def _scorer(tagger: str) -> Scorer:
    """Return the tagger in a folder, or the judge of the demo model."""
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
    click.echo("open the address in a browser; stop with Ctrl-C, all votes are saved", err=True)
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
    """Print the results of the votes."""
    from anima_infer.grid.votes.results import compute_results, results_csv
    from anima_infer.grid.votes.votes import Votes

    grid = open_grid(folder)
    axis_results = compute_results(grid, Votes(folder).all())
    if form == "json":
        click.echo(json.dumps([result.to_dict() for result in axis_results], ensure_ascii=False, indent=1))
        return DONE
    if form == "csv":
        click.echo(results_csv(axis_results), nl=False)
        return DONE
    if not axis_results:
        click.echo(f"no votes yet; collect some with 'anima-infer grid review {folder}'", err=True)
    for result in axis_results:
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
        if pair.needed is None:
            outlook = "no preference in sight"
        else:
            outlook = f"about {pair.needed} more votes needed" if pair.needed else "significant"
        click.echo(
            f"  {_short(pair.first)} against {_short(pair.second)}: {pair.won} won, {pair.lost} lost, "
            f"{pair.tied + pair.bad} for neither; {pair.rate:.0%} ({pair.low:.0%} to {pair.high:.0%}), "
            f"p = {pair.p:.3f}; {outlook}"
        )
    click.echo(f"  {result.summary}")


# --- other programs --------------------------------------------------------------------------------------------------


def export(spec: str, output: Path, options: Mapping[str, Any]) -> int:
    """Write a ComfyUI API workflow for each image; return 1 if ComfyUI cannot make some of the images."""
    from anima_infer.grid.export import export_workflows, read_catalog
    from anima_infer.grid.plan.plan import make_plan
    from anima_infer.grid.spec.reader import read_spec

    catalog = read_catalog(options["check"]) if options["check"] else None
    files = _model_files(options["folder"])
    profile = options["profile"] or (options["model"] and guess_profile(Path(options["model"]).stem)) or None
    planned = make_plan(read_spec(spec, profile=profile or _profile(options["folder"])))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise GridError(f"{output} is not an empty folder; choose another folder")
    summary = export_workflows(
        planned, output, files=files, model=options["model"], dtype=options["dtype"], catalog=catalog
    )
    for note in summary.notes:
        click.echo(f"note: {note}", err=True)
    for reason in summary.refused:
        click.echo(f"refused: {reason}", err=True)
    click.echo(f"{counted(summary.written, 'workflow')} in {output}, {len(summary.refused)} refused", err=True)
    return FINDINGS if summary.refused else DONE


def _model_files(folder: str | None) -> ModelFiles:
    """Return the files of the model that a run would use; none where no model is found."""
    from anima_infer.errors import CheckpointError
    from anima_infer.files import ModelFiles, default_files, find_files

    if folder:
        return find_files(folder)
    try:
        return default_files()
    except CheckpointError:
        return ModelFiles()


def import_images(folder: Path, output: Path) -> int:
    """Build a grid from images of other programs."""
    from anima_infer.grid.import_images import import_images as build

    summary = build(folder, output)
    for reason in summary.skipped:
        click.echo(f"skipped: {reason}", err=True)
    click.echo(f"{counted(summary.imported, 'image')} imported, {len(summary.skipped)} skipped", err=True)
    return report(output, None, {})


def schema() -> int:
    """Print the JSON schema of specifications."""
    from anima_infer.grid.spec.schema import grid_schema

    click.echo(json.dumps(grid_schema(), ensure_ascii=False, indent=1))
    return DONE
