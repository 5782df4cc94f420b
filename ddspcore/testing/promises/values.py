"""What every module promises about what goes in and what comes out."""

from typing import Any

import torch
from attrs import evolve
from torch import Tensor

from ddspcore.controls import Control
from ddspcore.testing.distance import distance
from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject, Values

CLOSE = 1e-5
"""How far results may differ that only the order of additions sets apart, of the largest value."""

TRAINED = ("backbone", "head", "synth", "loss")
KINDS_WITH_ITEMS = ("feature", "backbone", "head", "synth")


def _feels_gradients(subject: Subject) -> bool:
    return subject.component.kind in TRAINED


@promise(when=_feels_gradients)
def passes_gradients_on(subject: Subject) -> None:
    """A finite gradient that is not zero reaches everything that it is told; of a loss, something.

    A loss may look at controls that only say where the others count.
    """
    module, inputs = subject.build(), subject.inputs()
    asked = subject.differentiable(inputs)
    leaves = [inputs[name].requires_grad_() for name in asked]
    total = _weighed(subject.run(module, inputs))
    demand(total.requires_grad, "no gradient comes back from what it returns")
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    reached = {name: g for name, g in zip(asked, found, strict=True) if g is not None and g.any()}
    for name, gradient in reached.items():
        demand(gradient.isfinite().all(), f"the gradient of {name} is not finite")
    missed = [name for name in asked if name not in reached]
    enough = reached if subject.component.kind == "loss" else not missed
    demand(enough, f"no gradient reaches {', '.join(missed)}")


@promise(when=_feels_gradients)
def trains_all_its_parameters(subject: Subject) -> None:
    """A gradient reaches every parameter that asks for one."""
    module = subject.build()
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not named:
        return
    total = _weighed(subject.run(module, subject.inputs()))
    demand(total.requires_grad, "no gradient comes back from what it returns")
    found = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    for name, gradient in zip(named, found, strict=True):
        demand(gradient is not None, f"no gradient reaches its parameter {name}")


def _knows_items(subject: Subject) -> bool:
    return subject.component.kind in KINDS_WITH_ITEMS


@promise(when=_knows_items)
def treats_items_alone(subject: Subject) -> None:
    """A batch of two gives what two batches of one give: nothing leaks from item to item."""
    module, inputs = subject.build(), subject.inputs(items=2)
    together = subject.run(module, inputs)
    for item in range(2):
        alone = subject.run(
            module, {name: value[item : item + 1] for name, value in inputs.items()}
        )
        for name, value in alone.items():
            error = distance(together[name][item : item + 1], value)
            demand(error <= CLOSE, f"item {item} has another {name} in a batch, by {error:.1e}")


@promise(when=_knows_items)
def returns_what_it_declares(subject: Subject) -> None:
    """It returns exactly the values that it declares, in their shapes, for any number of frames."""
    module, setting = subject.build(), subject.setting
    for frames in (setting.frames, setting.frames + 4, 2):
        made = subject.run(module, subject.inputs(frames=frames))
        wanted = _declared_shapes(subject, frames)
        extra = [name for name in made if name not in wanted]
        demand(not extra, f"it returns {', '.join(extra)}, which it does not declare")
        for name, shape in wanted.items():
            found = tuple(made[name].shape) if name in made else None
            demand(found == shape, f"{name} is declared as {shape}, but it returns {found}")


@promise(when=lambda subject: subject.component.kind in ("feature", "head"))
def keeps_to_its_range(subject: Subject) -> None:
    """What it returns lies in the range that it declares; a simplex sums to one."""
    module, inputs = subject.build(), subject.inputs()
    for scale in (0.0, 1.0, 100.0) if subject.component.kind == "head" else (1.0,):
        scaled = {name: value * scale for name, value in inputs.items()}
        made = subject.run(module, inputs if scale == 1 else scaled)
        where = f"for inputs {scale:g} times as large" if scale != 1 else "for usual inputs"
        for control in subject.provided:
            value = made[control.name].detach()
            demand_in_range(control, value, where)
            if control.unit == "simplex":
                error = float((value.sum(-1) - 1).abs().max())
                demand(error <= CLOSE, f"{control} sums to one only within {error:.1e} {where}")


def demand_in_range(control: Control, value: Tensor, where: str) -> None:
    """Raise Broken if a value leaves the range that is declared for it."""
    low, high = float(value.min()), float(value.max())
    below = control.lo is not None and low < control.lo
    above = control.hi is not None and high > control.hi
    demand(not (below or above), f"{control} reaches {low if below else high:g} {where}")


@promise(
    when=lambda subject: (
        subject.component.kind in ("feature", "synth", "backbone")
        or "controls" in subject.component.asks
    )
)
def reads_what_it_needs(subject: Subject) -> None:
    """It reads everything that it declares to need, and nothing else."""
    told = _Recorder(subject.inputs())
    try:
        subject.run(subject.build(), told)
    except KeyError as error:
        demand(False, f"it reads {error}, which it does not declare to need")
    unread = [control.name for control in subject.served if control.name not in told.read]
    demand(not unread, f"it declares to need {', '.join(unread)}, but does not read it")


class _Recorder(dict[str, Tensor]):
    """A mapping that remembers what was read from it."""

    def __init__(self, values: Values):
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Tensor:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def _declared_shapes(subject: Subject, frames: int) -> dict[str, tuple[int, ...]]:
    setting = subject.setting
    if subject.component.kind == "backbone":
        hidden = evolve(setting.hidden, channels=subject.declared("width"))
        return {"hidden": setting.shape(hidden, setting.items, frames)}
    return {
        control.name: setting.shape(control, setting.items, frames) for control in subject.provided
    }


def _weighed(made: Values) -> Tensor:
    """Return a sum of all values with weights of their own, so that no gradient cancels out."""
    generator = torch.Generator().manual_seed(5)
    total = torch.zeros(())
    for value in made.values():
        weights = torch.randn(value.shape, generator=generator)
        total = total + (weights * value).sum()
    return total


PROMISES = (
    passes_gradients_on,
    trains_all_its_parameters,
    treats_items_alone,
    returns_what_it_declares,
    keeps_to_its_range,
    reads_what_it_needs,
)
