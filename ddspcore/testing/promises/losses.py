"""What a loss promises."""

import torch

from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject, Values

STEP = 1e-6
SLOPE_ERROR = 1e-3


def _compares(subject: Subject) -> bool:
    return {"pred", "target"} <= set(subject.compared)


@promise()
def is_one_number(subject: Subject) -> None:
    """It returns a scalar."""
    (value,) = subject.run(subject.build(), subject.inputs()).values()
    demand(value.dim() == 0, f"it returns {list(value.shape)}, not one number")


@promise(when=_compares)
def is_smallest_at_identity(subject: Subject) -> None:
    """No prediction is better than the target itself."""
    module, inputs = subject.build(), subject.inputs()
    target = inputs["target"]
    best = _value(subject, module, inputs | {"pred": target.clone()})
    others = {
        "another signal": inputs["pred"],
        "half the target": 0.5 * target,
        "a noisy target": target + 0.1 * (inputs["pred"] - target),
        "silence": torch.zeros_like(target),
    }
    for what, pred in others.items():
        value = _value(subject, module, inputs | {"pred": pred})
        demand(value >= best, f"{what} scores {value:g}, the target itself {best:g}")


@promise(when=_compares)
def is_safe_at_silence(subject: Subject) -> None:
    """Value and gradient are finite where prediction, target or both are silent."""
    module, inputs = subject.build(), subject.inputs()
    for silent in (("pred",), ("target",), ("pred", "target")):
        quiet = inputs | {name: torch.zeros_like(inputs[name]) for name in silent}
        pred = quiet["pred"].detach().clone().requires_grad_()
        value = subject.run(module, quiet | {"pred": pred})["loss"]
        who = " and ".join(silent)
        demand(value.isfinite(), f"it is {value.item():g} where {who} is silent")
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value, pred, allow_unused=True)
            finite = gradient is None or gradient.isfinite().all()
            demand(finite, f"its gradient is not finite where {who} is silent")


@promise()
def has_the_gradient_of_its_value(subject: Subject) -> None:
    """Its gradient agrees with finite differences in double precision, at a generic point."""
    module = subject.build().double()
    inputs = {n: v.double() if v.is_floating_point() else v for n, v in subject.inputs().items()}
    names = subject.differentiable(inputs)
    leaves = [inputs[name].requires_grad_() for name in names]
    value = subject.run(module, inputs)["loss"]
    demand(value.requires_grad, "no gradient comes back from what it returns")
    demand(value.dtype == torch.float64, f"for float64 it returns {value.dtype}: it rounds inside")
    gradients = torch.autograd.grad(value, leaves, allow_unused=True)
    generator = torch.Generator().manual_seed(3)
    for name, leaf, gradient in zip(names, leaves, gradients, strict=True):
        where = torch.randn(leaf.shape, generator=generator, dtype=torch.float64)
        step = STEP * float(leaf.detach().abs().mean())
        ahead, behind = (
            _value(subject, module, inputs | {name: leaf.detach() + sign * step * where})
            for sign in (1, -1)
        )
        measured = (ahead - behind) / (2 * step)
        told = 0.0 if gradient is None else float((gradient * where).sum())
        error = abs(told - measured) / max(abs(measured), 1e-9)
        demand(
            error <= SLOPE_ERROR,
            f"along {name} it rises by {measured:g}, but its gradient says {told:g}",
        )


def _compares_any_length(subject: Subject) -> bool:
    return _compares(subject) and subject.setting.signal.axis not in subject.setting.lengths


@promise(when=_compares_any_length)
def takes_any_length(subject: Subject) -> None:
    """Lengths that are no round number, and short ones, are as good as any."""
    module = subject.build()
    whole = subject.inputs()
    length = whole["target"].shape[1]
    for cut in (length - 1, length // 2 + 3, 7):
        inputs = whole | {name: whole[name][:, :cut] for name in subject.compared}
        try:
            value = subject.run(module, inputs)["loss"]
        except RuntimeError as error:
            demand(False, f"{cut} values are too few or too odd for it: {error}")
        demand(value.isfinite(), f"it is {value.item():g} for {cut} values")


@promise()
def stands_mixed_precision(subject: Subject) -> None:
    """It is finite where the runner lets the network work in bfloat16."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = subject.run(subject.build(), subject.inputs())["loss"]
    demand(value.isfinite(), f"it is {value.item():g} under bfloat16")


def _value(subject: Subject, module: torch.nn.Module, inputs: Values) -> float:
    with torch.no_grad():
        return float(subject.run(module, inputs)["loss"])


PROMISES = (
    is_one_number,
    is_smallest_at_identity,
    is_safe_at_silence,
    has_the_gradient_of_its_value,
    takes_any_length,
    stands_mixed_precision,
)
