"""The optimiser: what it is told, and that it continues bit for bit."""

import pytest
import torch

from ddspcore.recipe.schema import Optimiser
from ddspcore.train.optimiser import build_optimiser, load_optimiser, optimiser_tensors

ADAM = Optimiser()
ADAMW = Optimiser(kind="adamw", betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1)


def parameters(device="cpu"):
    torch.manual_seed(1)
    return [torch.nn.Parameter(torch.randn(shape, device=device)) for shape in ((3, 4), (5,), ())]


def train(optimiser, weights, steps):
    for step in steps:
        for number, weight in enumerate(weights):
            weight.grad = torch.sin(weight.detach() + number + step)
        for group in optimiser.param_groups:
            group["lr"] = 0.1 / (1 + step)
        optimiser.step()


def reference(options, weights, steps):
    """Adam in float64, as its paper has it, with the decay of AdamW."""
    weights = [weight.detach().double() for weight in weights]
    first = [torch.zeros_like(weight) for weight in weights]
    second = [torch.zeros_like(weight) for weight in weights]
    b1, b2 = options.betas
    for t, step in enumerate(steps, start=1):
        lr = 0.1 / (1 + step)
        for n, weight in enumerate(weights):
            grad = torch.sin(weight + n + step)
            weight.mul_(1 - lr * options.weight_decay)
            first[n] = b1 * first[n] + (1 - b1) * grad
            second[n] = b2 * second[n] + (1 - b2) * grad**2
            root = (second[n] / (1 - b2**t)).sqrt() + options.eps
            weight.sub_(lr * first[n] / (1 - b1**t) / root)
    return weights


@pytest.mark.parametrize("options", [ADAM, ADAMW], ids=["adam", "adamw"])
def test_it_is_adam(options):
    weights = parameters()
    wanted = reference(options, weights, range(20))
    train(build_optimiser(options, weights), weights, range(20))
    for weight, exact in zip(weights, wanted, strict=True):
        torch.testing.assert_close(weight.detach().double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [ADAM, ADAMW], ids=["adam", "adamw"])
def test_it_continues_bit_for_bit(options):
    whole = parameters()
    train(build_optimiser(options, whole), whole, range(7))
    begun = parameters()
    first = build_optimiser(options, begun)
    train(first, begun, range(3))
    second = build_optimiser(options, begun)
    load_optimiser(second, {name: t.clone() for name, t in optimiser_tensors(first).items()})
    train(second, begun, range(3, 7))
    assert all(a.equal(b) for a, b in zip(whole, begun, strict=True))


@pytest.mark.parametrize(("device", "fused"), [("cpu", True), ("meta", False)])
def test_a_step_is_one_operation_where_the_device_has_it(device, fused):
    assert build_optimiser(ADAM, parameters(device)).defaults["fused"] is fused
