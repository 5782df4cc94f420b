"""Whose time it was: forward where an operation ran, backward where its gradient belongs."""

import time

import torch
from torch.profiler import profile

from ddspcore.train.attribution import attribute, span

NAP = 0.03


class SlowBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():  # recomputing is part of the same gradient
            y = g.detach().requires_grad_()
            torch.autograd.grad((y * y).sum(), y)
        time.sleep(NAP)
        return 2 * g


def parts_of(step, steps=2, on_cuda=False):
    with profile() as profiler:
        for _ in range(steps):
            with span("step"):
                step()
    return {p.name: p for p in attribute(profiler.events(), steps, 1e3, on_cuda)}


def test_a_gradient_belongs_to_the_part_that_ran_forward():
    x = torch.ones(4, requires_grad=True)

    def step():
        with span("quick"):
            y = x.exp()
        with span("slow"):
            y = SlowBackward.apply(y)
        with span("backward"):
            y.sum().backward()

    parts = parts_of(step)
    assert set(parts) == {"quick", "slow", "gradient", "other"}
    assert parts["slow"].backward_ms > 0.8 * 1e3 * parts["slow"].share > 500
    assert 0 < parts["quick"].backward_ms < 100
    assert parts["gradient"].forward_ms == 0


def test_every_moment_counts_once():
    x = torch.ones(4, requires_grad=True)

    def step():
        with span("outer"):
            time.sleep(NAP)
            with span("inner"):
                time.sleep(NAP)
        time.sleep(NAP)
        with span("backward"):
            x.sum().backward()

    parts = parts_of(step)
    assert abs(sum(part.share for part in parts.values()) - 1) < 1e-9
    assert abs(sum(part.ms for part in parts.values()) - 1e3) < 1e-6
    assert list(parts) == sorted(parts, key=lambda name: -parts[name].ms)
    for name in ("outer", "inner", "other"):
        assert 0.15 < parts[name].share < 0.6


def test_where_no_kernel_ran_the_device_waited():
    parts = parts_of(lambda: torch.ones(3).exp(), on_cuda=True)
    assert parts["other"].share == 1.0
