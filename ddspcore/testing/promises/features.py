"""What a feature promises beside what every module does."""

import math

import torch
from torch import Tensor

from ddspcore.testing.promise import demand, promise
from ddspcore.testing.promises.values import demand_in_range
from ddspcore.testing.subject import Subject, Values

FRAMES = 65
LAGS = range(-8, 9)


@promise()
def is_safe_at_silence(subject: Subject) -> None:
    """What it says of silence is finite and in range."""
    inputs = subject.inputs()
    for control in subject.served:
        if control.unit == "signal":
            inputs[control.name] = torch.zeros_like(inputs[control.name])
    made = subject.run(subject.build(), inputs)
    for control in subject.provided:
        value = made[control.name]
        demand(value.isfinite().all(), f"of silence, {control.name} is not finite")
        demand_in_range(control, value, "of silence")


def _has_frames(subject: Subject) -> bool:
    return any(control.axis == "frame" for control in subject.provided)


@promise(when=_has_frames)
def centres_its_frames(subject: Subject) -> None:
    """Frame n is about sample n * hop: played backwards, the frames come backwards.

    A frame that begins there instead of lying around it is late by half a window, which shows twice
    between a sound and its mirror image. Half a frame is allowed for: a difference of neighbours.
    """
    module = subject.build().eval()
    inputs = _bump(subject)
    mirrored = {name: value.flip(1) for name, value in inputs.items()}
    with torch.no_grad():
        forwards, backwards = subject.run(module, inputs), subject.run(module, mirrored)
    for control in subject.provided:
        if control.axis != "frame":
            continue
        lag = _lag(forwards[control.name], backwards[control.name].flip(1))
        demand(abs(lag) <= 1, f"{control.name} is late by {lag / 2:g} frames")


def _bump(subject: Subject) -> Values:
    """Return inputs that rise once, off the middle; sound rises in level and in pitch."""
    setting = subject.setting
    inputs = subject.inputs(items=1, frames=FRAMES)
    for control in subject.served:
        if control.unit == "signal" and control.axis == "sample":
            inputs[control.name] = _swell(inputs[control.name].shape[1], setting.ctx.rate("sample"))
    return inputs


def _swell(samples: int, rate: float) -> Tensor:
    position = torch.linspace(0, 1, samples)
    bump = torch.exp(-(((position - 0.4) / 0.08) ** 2))
    phase = torch.cumsum((220 * (1 + 0.5 * bump) / rate).double(), dim=0).remainder(1).float()
    tone = (0.05 + 0.5 * bump) * torch.sin(2 * math.pi * phase)
    return tone[None]


def _lag(a: Tensor, b: Tensor) -> int:
    """Return by how many frames `a` comes after `b`, as far as they look alike, even mirrored."""
    a, b = (x.double() - x.double().mean(1, keepdim=True) for x in (a, b))
    if float(a.abs().max()) < 1e-6:
        return 0
    count = a.shape[1]

    def likeness(lag: int) -> float:
        left = a[:, max(0, lag) : count + min(0, lag)]
        right = b[:, max(0, -lag) : count - max(0, lag)]
        return abs(float((left * right).sum())) / float(left.norm() * right.norm() + 1e-12)

    return max(LAGS, key=lambda lag: (round(likeness(lag), 3), -abs(lag)))


PROMISES = (is_safe_at_silence, centres_its_frames)
