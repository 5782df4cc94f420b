"""Gates two and three: what is declared against what is computed, and against the first batch."""

from collections.abc import Iterator, Mapping

import torch
from attrs import frozen
from torch import Tensor

from ddspcore.assemble import (
    build_losses,
    build_pipeline,
    context_of,
    counts,
    declare,
    declared_lengths,
    declared_metrics,
    target_of,
)
from ddspcore.blame import blamed, fault
from ddspcore.controls import Control
from ddspcore.errors import Mistake
from ddspcore.outputs import watch_outputs
from ddspcore.pipeline import Batch
from ddspcore.plugins import CORE
from ddspcore.recipe.problems import Problem, RecipeError
from ddspcore.recipe.schema import LossUse, Recipe
from ddspcore.wiring import Wiring

ITEMS, FRAMES = 2, 9
TOLERANCE = 1e-3


@frozen
class DryRun:
    """How the recipe was proved: on `meta`, or on `cpu` and why meta could not."""

    device: str
    parameters: int
    reason: str = ""


@frozen
class Checked:
    """A recipe that passed the gates before training."""

    recipe: Recipe
    wiring: Wiring
    dry_run: DryRun


def check_recipe(recipe: Recipe) -> Checked:
    """Pass the first two gates: records against records, then against a dry run.

    Raises RecipeError.
    """
    with blamed(recipe, ran=False):
        wiring = declare(recipe)
        if problems := list(_idle_stages(recipe)):
            raise RecipeError(problems)
        for use in (recipe.metric, *recipe.evaluators):
            declared_metrics(use, context_of(recipe))
        return Checked(recipe, wiring, dry_run(recipe, wiring))


def _idle_stages(recipe: Recipe) -> Iterator[Problem]:
    for stage in recipe.stages:
        if not any(map(counts, stage.losses)):
            message = f"stage {stage.name}: every loss has the weight 0, so nothing would be learnt"
            yield Problem(message, stage.losses[0].origin)


def dry_run(recipe: Recipe, wiring: Wiring) -> DryRun:
    """Build everything but source and features, run one forward and every loss, compare records.

    Runs on the meta device; if that fails, once more on a tiny CPU batch, whose error counts.
    Raises RecipeError if a component returns other shapes than it declares.
    """
    try:
        return DryRun("meta", _forward(recipe, wiring, "meta"))
    except (RecipeError, Mistake):
        raise
    except Exception as failure:  # whatever it is, the CPU run settles it
        reason = str(failure).strip().partition("\n")[0]
        return DryRun("cpu", _forward(recipe, wiring, "cpu"), reason)


def _forward(recipe: Recipe, wiring: Wiring, device: str) -> int:
    with torch.device(device):
        pipeline, _ = build_pipeline(recipe, wiring)
        watch_outputs(pipeline, recipe)
        lengths = batch_lengths(recipe, wiring)
        batch = pipeline.with_noise(fake_batch(wiring, lengths), seed=recipe.seed)
        controls = batch | pipeline.predict(batch)
        if problems := _shape_problems(recipe, wiring, controls, lengths):
            raise RecipeError(problems)
        output = pipeline.synthesise(controls)
        target = batch[target_of(recipe)]
        if problem := target_problem(recipe, wiring, batch, output.signal):
            raise RecipeError([problem])
        proved: list[tuple[LossUse, ...]] = []
        for stage in recipe.stages:
            if stage.losses in proved:
                continue
            proved.append(stage.losses)
            for term in build_losses(recipe, stage)[0]:
                term(
                    pred=output.signal,
                    target=target,
                    controls=output.controls,
                    batch=batch,
                    step=0,
                    prepared=term.prepare(target),
                    again=output.signal,
                )
    return sum(p.numel() for p in pipeline.parameters())


def batch_lengths(recipe: Recipe, wiring: Wiring) -> dict[str, int]:
    """Return how many values lie along each axis of a fake batch.

    As many as the source says, or as many as frames; an axis that is not here runs through none of
    the data, and whoever provides the first control on it decides.
    """
    ctx = context_of(recipe)
    axes = {control.axis for node in wiring.data for control in node.provides} | set(ctx.rates)
    lengths = dict.fromkeys(axes, FRAMES) | declared_lengths(recipe)
    if {"sample", "frame"} <= ctx.rates.keys():
        lengths["sample"] = (lengths["frame"] - 1) * ctx.ratio("sample", "frame")
    return lengths


def fake_batch(wiring: Wiring, lengths: Mapping[str, int]) -> Batch:
    """Return a batch of two items that keeps every record of source and features."""
    batch = {
        control.name: _plausible(control, lengths)
        for node in wiring.data
        for control in node.provides
    }
    batch["item"] = torch.zeros(ITEMS, dtype=torch.int64)  # the one item that every source has
    return batch


def _plausible(control: Control, lengths: Mapping[str, int]) -> Tensor:
    if control.unit == "simplex":
        value = 1 / control.channels
    elif control.lo is not None and control.hi is not None:
        value = (control.lo + control.hi) / 2
    else:
        value = control.lo or control.hi or 0.1
    return torch.full(_shape(control, lengths), value)


def _shape(control: Control, lengths: Mapping[str, int]) -> tuple[int, ...]:
    if control.axis == "clip":
        return (ITEMS, control.channels)
    length = lengths.get(control.axis, FRAMES)
    return (ITEMS, length) if control.axis == "sample" else (ITEMS, length, control.channels)


def _shape_problems(
    recipe: Recipe, wiring: Wiring, controls: Batch, known: Mapping[str, int]
) -> list[Problem]:
    lengths = dict(known)
    problems = []
    for use in recipe.heads:
        node = next(n for n in wiring.nodes if (n.kind, n.label) == ("head", use.name))
        for control in node.provides:
            value = controls.get(wiring.key(use.name, control.name))
            if value is not None and value.dim() > 1:
                lengths.setdefault(control.axis, value.shape[1])
            found = "nothing" if value is None else f"{list(value.shape)} {value.dtype}"
            wanted = f"{list(_shape(control, lengths))} {torch.float32}"
            if found != wanted:
                message = f"{node.title} declares {control}, which is {wanted}, but returns {found}"
                problems.append(Problem(message, use.origin))
    return problems


def target_problem(
    recipe: Recipe, wiring: Wiring, batch: Batch, signal: Tensor | None
) -> Problem | None:
    """Return that the synths return another shape than the target has, or None.

    It is the source's mistake if its samples are not those of its frames, and a synth's otherwise.
    """
    target = batch[target_of(recipe)]
    if signal is None or signal.shape == target.shape:
        return None
    ctx = context_of(recipe)
    if {"sample", "frame"} <= ctx.rates.keys():
        along = {control.axis: batch[control.name] for n in wiring.data for control in n.provides}
        if "frame" in along and "sample" in along:
            samples, frames = along["sample"].shape[1], along["frame"].shape[1]
            wanted = (frames - 1) * ctx.ratio("sample", "frame")
            if samples != wanted:
                what = f"returns {samples} samples, but {frames} frames, which are of {wanted}"
                return fault(recipe.data, what)
            maker = next((use for use in recipe.synths if use.plugin != CORE), recipe.synths[-1])
            shapes = f"{list(signal.shape)}, but the target is {list(target.shape)}"
            return fault(maker, f"returns {shapes}")
    message = f"the synths return {list(signal.shape)}, but the target is {list(target.shape)}"
    return Problem(message, recipe.synths[-1].origin)


def physical_faults(controls: dict[str, Tensor], wiring: Wiring) -> list[str]:
    """Say which controls of a real batch are not finite, out of range, or no simplex."""
    faults = []
    for node in wiring.nodes:
        if node.kind == "synth":
            continue
        for control in node.provides:
            value = controls.get(wiring.key(node.label, control.name))
            what = None if value is None else _physical_fault(control, value)
            if what:
                faults.append(f"{node.title} provides {control}, but {what}")
    return faults


def _physical_fault(control: Control, value: Tensor) -> str | None:
    value = value.detach()
    if not torch.isfinite(value).all():
        return "it holds values that are not finite"
    low, high = float(value.min()), float(value.max())
    if control.lo is not None and low < control.lo - TOLERANCE * max(1.0, abs(control.lo)):
        return f"its smallest value is {low:g}"
    if control.hi is not None and high > control.hi + TOLERANCE * max(1.0, abs(control.hi)):
        return f"its largest value is {high:g}"
    if control.unit == "simplex":
        error = float((value.sum(-1) - 1).abs().max())
        if error > TOLERANCE:
            return f"its channels sum to one only within {error:g}"
    return None
