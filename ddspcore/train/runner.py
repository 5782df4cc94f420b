"""A whole run: from a checked recipe to a summary, continued where it stopped."""

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from rich.console import Console

from ddspcore.assemble import build_source
from ddspcore.data.progress import show_progress
from ddspcore.data.supply import count_items
from ddspcore.errors import Interrupted, TrainingStopped, UserError
from ddspcore.observers import Observers
from ddspcore.plugins import Plugin
from ddspcore.recipe.reading import Document
from ddspcore.recipe.resolving import canonical, to_toml
from ddspcore.recipe.schema import Recipe
from ddspcore.train.chain import Chain, cut_logs, find_trained, stage_keys
from ddspcore.train.checkpoint import load_tensors, load_weights, read_json, write_bytes, write_json
from ddspcore.train.device import DeviceChoice, choose_device
from ddspcore.train.evaluation import build_evaluator, evaluate, plan_metric
from ddspcore.train.events import RunInfo, StageResult, read_lines
from ddspcore.train.folder import Finished, RunFolder, digest, open_run_folder
from ddspcore.train.interrupt import StopRequest, stop_on_signal
from ddspcore.train.network import wants_compiling
from ddspcore.train.provenance import (
    differences,
    read_provenance,
    record_provenance,
    write_provenance,
)
from ddspcore.train.runlog import RunLog
from ddspcore.train.stage import BEST
from ddspcore.train.summary import (
    best_stage,
    course_of,
    describe_scores,
    describe_stage,
    in_words,
    renders_of,
    warnings_of,
)
from ddspcore.train.verdict import judge
from ddspcore.train.versions import RESOLVED, heed, run_of, version_problems
from ddspcore.wiring import Wiring

SUMMARY = "summary.json"


@frozen
class Request:
    """What a command asks for: a checked recipe, where to run it, and who is installed.

    `exact` refuses what was made with other versions, rather than warning of it. `member` is what
    sets the run apart in its series; `find_finished` is content with a finished run of this key.
    """

    document: Document
    recipe: Recipe
    wiring: Wiring
    plugins: Sequence[Plugin]
    runs_dir: Path
    run_dir: Path | None
    fresh: bool
    exact: bool
    started: float
    console: Console
    member: str = ""
    find_finished: bool = False


@frozen
class Outcome:
    """Where a finished run lies, its summary, and whether it was found finished."""

    folder: Path
    summary: dict[str, Any]
    found_finished: bool


def run(request: Request) -> Outcome:
    """Train every stage, evaluate the best checkpoint, write the summary.

    Raises UserError for what the user can mend, TrainingStopped and Interrupted after saving.
    """
    recipe = request.recipe
    device = choose_device(recipe.device)
    compiled = decide_compiling(recipe, device, request.console)
    source = build_source(recipe)
    prepare(source, request.console)
    keys = stage_keys(recipe, source.fingerprint() if hasattr(source, "fingerprint") else None)
    key = digest([canonical(recipe), keys])
    written = request.document.sources[0]
    others = {run_of(Path(s.init)) for s in recipe.stages if s.init.endswith(".safetensors")}
    if written.name == RESOLVED:
        others.add(run_of(written))
    _heed_versions(request, others)
    opened = open_run_folder(
        key,
        "-".join(filter(None, (written.stem, request.member))),
        request.runs_dir,
        request.run_dir,
        request.fresh,
        find_finished=request.find_finished,
    )
    if isinstance(opened, Finished):
        return Outcome(opened.path, read_json(opened.path / SUMMARY), found_finished=True)
    if opened.continued:
        try:
            _heed_versions(request, {opened.path} - others)
        except UserError:
            opened.close()
            raise
    try:
        _describe(request, opened, source, device)
        summary = _train(request, opened, source, device, compiled, keys)
    except TrainingStopped:
        opened.write_status("stopped")
        raise
    except (Interrupted, KeyboardInterrupt):
        opened.write_status("interrupted")
        raise
    except Exception as failure:
        failure.add_note(f"What {opened.path} holds is whole; the same command continues from it.")
        with suppress(UserError):  # a full disk may be the reason
            opened.write_status("failed")
        raise
    finally:
        opened.close()
    return Outcome(opened.path, summary, found_finished=False)


def _heed_versions(request: Request, runs: Iterable[Path]) -> None:
    problems = [each for run in sorted(runs) for each in version_problems(run, request.plugins)]
    heed(
        problems,
        exact=request.exact,
        warn=functools.partial(request.console.print, style="yellow", soft_wrap=True),
    )


def decide_compiling(recipe: Recipe, device: DeviceChoice, console: Console) -> bool:
    """Decide whether training steps run a compiled network; say it where `auto` cannot have one.

    Raises UserError if the recipe insists and this machine cannot.
    """
    compiled, fault = wants_compiling(recipe.compile, device.torch)
    if fault:
        console.print(f"warning: the network is not compiled: {fault}", style="yellow")
    return compiled


def prepare(source: Any, console: Console) -> None:
    """Let the source do its long work, and say what it made of the data."""
    if hasattr(source, "prepare"):
        with show_progress(console) as progress:
            source.prepare(progress)
    if hasattr(source, "report"):
        for sentence in source.report().get("in_words", ()):
            console.print(f"data: {sentence}", highlight=False, markup=False)


def _describe(request: Request, folder: RunFolder, source: Any, device: DeviceChoice) -> None:
    """Write what the run is before it starts; warn about what has changed since it was begun."""
    console = request.console
    now = record_provenance(request.recipe, request.plugins, device, request.document.sources[0])
    if folder.continued and (folder.path / "provenance.toml").is_file():
        console.print(f"continuing the unfinished run in {folder.path}", highlight=False)
        before = read_provenance(folder.path)
        torch.set_num_threads(before["environment"]["threads"])
        for difference in differences(before, now):
            console.print(f"warning: since it was begun, {difference}", style="yellow")
        return
    copies = folder.path / "recipe"
    copies.mkdir(exist_ok=True)
    for index, file in enumerate(request.document.sources):
        name = file.name if index == 0 else f"{index}_{file.name}"
        write_bytes(copies / name, file.read_bytes())
    write_bytes(folder.path / RESOLVED, to_toml(request.recipe).encode())
    if hasattr(source, "report"):
        write_json(folder.path / "data.json", source.report())
    write_provenance(folder.path, now)


def _train(
    request: Request,
    folder: RunFolder,
    source: Any,
    device: DeviceChoice,
    compiled: bool,
    keys: Mapping[str, str],
) -> dict[str, Any]:
    recipe, console = request.recipe, request.console
    info = RunInfo(
        folder=folder.path,
        recipe=request.document.sources[0].stem,
        title=recipe.title,
        device=device.used,
        stages=tuple(stage.name for stage in recipe.stages),
    )

    @functools.cache
    def accept(neighbour: Path) -> bool:
        if request.exact:
            return not version_problems(neighbour, request.plugins)
        _heed_versions(request, [neighbour])
        return True

    saved = tuple(find_trained(folder, keys, console.print, accept))
    cut_logs(folder, saved)
    with RunLog(folder.metrics, folder.log, console) as log:
        chain = Chain(
            recipe=recipe,
            wiring=request.wiring,
            folder=folder,
            source=source,
            device=device,
            compiled=compiled,
            log=log,
            observers=Observers(request.plugins),
            info=info,
            plan=plan_metric(recipe, source),
            watchers=tuple(build_evaluator(recipe, use) for use in recipe.evaluators if use.watch),
            stop=StopRequest(),
        )
        chain.tell("ddsp_run_start")
        with stop_on_signal(chain.stop):
            results = chain.train(keys, saved)
        summary = _evaluate(chain, results) | {"member": request.member}
        summary["course"] = course_of(read_lines(folder.path), chain.plan.metric)
        verdicts = judge(recipe.gates, [summary])
        summary["gates"] = [verdict.as_json() for verdict in verdicts]
        summary["in_words"] += [verdict.in_words() for verdict in verdicts]
        chain.tell("ddsp_run_end", summary=summary)
        for sentence in summary["in_words"]:
            log.say(sentence)
    summary["seconds"] = round(time.monotonic() - request.started, 3)
    write_json(folder.path / SUMMARY, summary)
    folder.write_status("finished", best_checkpoint=summary["best_checkpoint"])
    return summary


def _evaluate(chain: Chain, results: tuple[StageResult, ...]) -> dict[str, Any]:
    """Evaluate the best checkpoint where trained and where held out."""
    recipe, plan, root = chain.recipe, chain.plan, chain.folder.path
    chain.log.begin("evaluating")
    best = best_stage(results, plan.metric)
    feed = chain.feed()
    load_weights(feed.pipeline, load_tensors(best.folder / BEST), best.folder / BEST)
    total = next(stage.steps for stage in recipe.stages if stage.name == best.name)
    for scheduled in feed.scheduled:
        scheduled.settle(best.best_step or 0, total)
    evaluators = tuple(build_evaluator(recipe, use) for use in recipe.evaluators)
    evaluations = {
        split: evaluate(feed, evaluators, split, best.folder / split)
        for split in ("train", "val")
        if count_items(chain.source, split)
    }
    scores = describe_scores(evaluations, evaluators)
    return {
        "recipe": chain.info.recipe,
        "title": recipe.title,
        "key": chain.folder.key,
        "device": chain.device.used,
        "parameters": sum(p.numel() for p in feed.pipeline.parameters()),
        "metric": {
            "name": plan.metric.name,
            "value": best.best,
            "direction": plan.metric.direction,
            "split": plan.split,
        },
        "best_checkpoint": (best.folder / BEST).relative_to(root).as_posix(),
        "stages": [describe_stage(stage, root) for stage in results],
        "evaluation": {split: dict(found.values) for split, found in evaluations.items()},
        "renders": renders_of(evaluations, root),
        "files": {
            split: {
                label: [file.relative_to(root).as_posix() for file in files]
                for label, files in found.files.items()
            }
            for split, found in evaluations.items()
        },
        "scores": scores,
        "warnings": warnings_of(evaluations),
        "in_words": list(in_words(evaluations, scores)),
    }
