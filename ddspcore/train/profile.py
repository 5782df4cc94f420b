"""Where the time of a training step goes, measured on a few steps that leave no trace in a run."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from attrs import asdict, frozen
from torch import nn
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile

from ddspcore.kernels.backends import Choice, choose
from ddspcore.pipeline import Pipeline
from ddspcore.recipe.schema import Recipe
from ddspcore.train.attribution import STEP, Part, attribute, span
from ddspcore.train.checkpoint import write_json
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson, fit_components
from ddspcore.wiring import Wiring

WARM_UP = 3


@frozen
class Profile:
    """A step by its parts, the longest first; `memory_mb` is the most that was held at once."""

    device: str
    compiled: bool
    steps: int
    step_ms: float
    parts: Sequence[Part]
    memory_mb: float
    kernels: Choice
    trace: Path


def profile_steps(
    recipe: Recipe,
    wiring: Wiring,
    source: Any,
    device: torch.device,
    *,
    compiled: bool,
    steps: int,
    folder: Path,
) -> Profile:
    """Train a few steps of the first stage and return where their time goes; nothing is kept.

    How long a step takes is measured without the profiler, which slows it, its parts with it.
    Writes `profile.json` and `trace.json`, for Perfetto or Chrome, into the folder.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # what the profiler says of itself is no news
    folder.mkdir(parents=True, exist_ok=True)
    stage = recipe.stages[0]
    feed = build_feed(recipe, wiring, source, device)
    fit_components(feed, stage.batch)
    lesson = build_lesson(recipe, stage, feed, compiled=compiled, steps_before=0)
    with Learner(lesson, span) as learner:
        _train(learner, range(WARM_UP))
        step_ms = _train(learner, range(WARM_UP, WARM_UP + steps)) / steps
        activities = [ProfilerActivity.CPU]
        if device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        with (
            _watched(_modules(feed.pipeline, compiled)),
            profile(activities=activities) as profiler,
        ):
            _train(learner, range(WARM_UP + steps, WARM_UP + 2 * steps))
    trace = folder / "trace.json"
    profiler.export_chrome_trace(str(trace))
    found = Profile(
        device=device.type,
        compiled=compiled,
        steps=steps,
        step_ms=step_ms,
        parts=attribute(profiler.events() or (), steps, step_ms, device.type == "cuda"),
        memory_mb=peak_memory_mb(device),
        kernels=choose(device.type),
        trace=trace,
    )
    write_json(folder / "profile.json", asdict(found))
    return found


def _train(learner: Learner, steps: range) -> float:
    """Train these steps; returns how many ms they took."""
    finish(learner.feed.device)
    started = time.perf_counter()
    for step in steps:
        with span(STEP):
            learner.step(step % learner.stage.steps)
    finish(learner.feed.device)
    return (time.perf_counter() - started) * 1e3


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def _modules(pipeline: Pipeline, compiled: bool) -> dict[str, nn.Module]:
    """Return the modules to watch; a compiled network is one part: hooks compile it again."""
    watched: dict[str, nn.Module] = {}
    kinds = {"synth": pipeline.synth}
    if not compiled:
        kinds["head"] = pipeline.head
        if pipeline.backbone is not None:
            watched["backbone"] = pipeline.backbone
    for kind, modules in kinds.items():
        watched |= {f"{kind} {pipeline.labels[key]}": module for key, module in modules.items()}
    return watched


@contextmanager
def _watched(modules: Mapping[str, nn.Module]) -> Iterator[None]:
    """Record a range around every run of the modules."""
    open_spans: list[record_function] = []
    handles = []
    for name, module in modules.items():

        def enter(module: nn.Module, inputs: Any, name: str = name) -> None:
            open_spans.append(span(name))
            open_spans[-1].__enter__()

        def leave(module: nn.Module, inputs: Any, output: Any) -> None:
            open_spans.pop().__exit__(None, None, None)

        handles.append(module.register_forward_pre_hook(enter))
        handles.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def peak_memory_mb(device: torch.device) -> float:
    """Return the most that tensors held on CUDA; elsewhere, the most that the process held."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return float("nan")
    import resource  # noqa: PLC0415  Unix alone has it

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
