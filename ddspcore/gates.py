"""Gates two and three: what is declared against what is computed, and against the first batch."""

import torch
from attrs import frozen
from torch import Tensor

from ddspcore.assemble import build_losses, build_pipeline, context_of, declare, target_of
from ddspcore.context import Context
from ddspcore.controls import Control
from ddspcore.pipeline import Batch, Output
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
    wiring = declare(recipe)
    return Checked(recipe, wiring, dry_run(recipe, wiring))


def dry_run(recipe: Recipe, wiring: Wiring) -> DryRun:
    """Build everything but source and features, run one forward and every loss, compare records.

    Runs on the meta device; if that fails, once more on a tiny CPU batch, whose error counts.
    Raises RecipeError if a component returns other shapes than it declares.
    """
    try:
        return DryRun("meta", _forward(recipe, wiring, "meta"))
    except RecipeError:
        raise
    except Exception as failure:  # whatever it is, the CPU run settles it
        reason = str(failure).strip().partition("\n")[0]
        return DryRun("cpu", _forward(recipe, wiring, "cpu"), reason)


def _forward(recipe: Recipe, wiring: Wiring, device: str) -> int:
    ctx = context_of(recipe)
    with torch.device(device):
        pipeline, _ = build_pipeline(recipe, wiring)
        batch = pipeline.with_noise(fake_batch(wiring, ctx), seed=recipe.seed)
        output = pipeline(batch)
        problems = _shape_problems(recipe, wiring, output)
        target = batch[target_of(recipe)]
        if output.signal is not None and output.signal.shape != target.shape:
            problems.append(
                Problem(
                    f"the synths return {list(output.signal.shape)}, but the target is "
                    f"{list(target.shape)}",
                    recipe.synths[-1].origin,
                )
            )
        if problems:
            raise RecipeError(problems)
        proved: list[tuple[LossUse, ...]] = []
        for stage in recipe.stages:
            if stage.losses in proved:
                continue
            proved.append(stage.losses)
            for term, use in zip(build_losses(recipe, stage)[0], stage.losses, strict=True):
                value = term(
                    pred=output.signal,
                    target=target,
                    controls=output.controls,
                    batch=batch,
                    step=0,
                    prepared=term.prepare(target),
                )
                if value.shape != ():
                    message = f"loss {use.name} returns {list(value.shape)}, not one number"
                    raise RecipeError([Problem(message, use.origin)])
    return sum(p.numel() for p in pipeline.parameters())


def fake_batch(wiring: Wiring, ctx: Context) -> Batch:
    """Return a batch of two items that keeps every record of source and features."""
    controls = [
        control
        for node in wiring.nodes
        if node.kind in ("source", "feature")
        for control in node.provides
    ]
    batch = {control.name: _plausible(control, ctx) for control in controls}
    batch["item"] = torch.arange(ITEMS)
    return batch


def _plausible(control: Control, ctx: Context) -> Tensor:
    if control.unit == "simplex":
        value = 1 / control.channels
    elif control.lo is not None and control.hi is not None:
        value = (control.lo + control.hi) / 2
    else:
        value = control.lo or control.hi or 0.1
    return torch.full(_shape(control, ctx), value)


def _shape(control: Control, ctx: Context) -> tuple[int, ...]:
    if control.axis == "clip":
        return (ITEMS, control.channels)
    if control.axis == "sample":
        return (ITEMS, (FRAMES - 1) * ctx.ratio("sample", "frame"))
    return (ITEMS, FRAMES, control.channels)


def _shape_problems(recipe: Recipe, wiring: Wiring, output: Output) -> list[Problem]:
    ctx = context_of(recipe)
    problems = []
    for use in recipe.heads:
        node = next(n for n in wiring.nodes if (n.kind, n.label) == ("head", use.name))
        for control in node.provides:
            value = output.controls.get(wiring.key(use.name, control.name))
            found = "nothing" if value is None else f"{list(value.shape)} {value.dtype}"
            wanted = f"{list(_shape(control, ctx))} {torch.float32}"
            if found != wanted:
                message = f"{node.title} declares {control}, which is {wanted}, but returns {found}"
                problems.append(Problem(message, use.origin))
    return problems


def physical_faults(controls: dict[str, Tensor], wiring: Wiring) -> list[str]:
    """Say which controls of a real batch are not finite, out of range, or no simplex."""
    faults = []
    for node in wiring.nodes:
        if node.kind == "synth":
            continue
        for control in node.provides:
            value = controls.get(wiring.key(node.label, control.name))
            fault = None if value is None else _physical_fault(control, value)
            if fault:
                faults.append(f"{node.title} provides {control}, but {fault}")
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
