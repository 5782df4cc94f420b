"""The trained recurrence beside `nn.GRU`: the same values, and the same gradient of everything."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ddspcore.builtin.gru_recurrence import remember


def build(inputs, width, dtype=torch.float64):
    torch.manual_seed(0)
    return nn.GRU(inputs, width, dtype=dtype)


def play(steps, batch, inputs, width, dtype=torch.float64):
    g = torch.Generator().manual_seed(1)
    x = torch.randn(steps, batch, inputs, dtype=dtype, generator=g, requires_grad=True)
    return x, torch.randn(1, batch, width, dtype=dtype, generator=g, requires_grad=True)


def outcome(run, gru, x, memory):
    """Return what comes out, and the gradient of everything of a sum with random weights."""
    remembered, last = run(x, memory)
    g = torch.Generator().manual_seed(2)
    total = sum(
        (out * torch.randn(out.shape, dtype=torch.float64, generator=g).to(out)).sum()
        for out in (remembered, last)
    )
    given = [x, *gru.parameters(), *([] if memory is None else [memory])]
    return [remembered, last, *torch.autograd.grad(total, given)]


def ours(gru):
    return lambda x, memory: remember(gru, x, memory)


@given(
    steps=st.integers(1, 30),
    batch=st.integers(1, 4),
    inputs=st.integers(1, 7),
    width=st.integers(1, 9),
    starts_silent=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_it_is_the_gru(steps, batch, inputs, width, starts_silent):
    gru = build(inputs, width)
    x, memory = play(steps, batch, inputs, width)
    start = None if starts_silent else memory
    wanted, found = outcome(gru, gru, x, start), outcome(ours(gru), gru, x, start)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_it_is_as_exact_as_the_gru_in_float32():
    gru, exact = build(24, 32, torch.float32), build(24, 32).requires_grad_()
    exact.load_state_dict(gru.state_dict())
    x, memory = play(400, 2, 24, 32, torch.float32)
    found = outcome(ours(gru), gru, x, memory)
    precise = (each.detach().double().requires_grad_() for each in (x, memory))
    for one, other in zip(found, outcome(exact, exact, *precise), strict=True):
        error = torch.linalg.vector_norm(one.double() - other) / torch.linalg.vector_norm(other)
        assert error < 1e-6


def test_gradient_by_differences():
    gru = build(3, 4)
    names, weights = zip(*gru.named_parameters(), strict=True)

    def run(x, memory, *weights):
        given = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(
            Remembering(gru), {f"gru.{k}": v for k, v in given.items()}, (x, memory)
        )

    assert torch.autograd.gradcheck(run, (*play(5, 2, 3, 4), *weights))


class Remembering(nn.Module):
    def __init__(self, gru):
        super().__init__()
        self.gru = gru

    def forward(self, x, memory):
        return remember(self.gru, x, memory)


def test_it_is_differentiable_once():
    gru, (x, memory) = build(3, 4), play(5, 2, 3, 4)
    (slope,) = torch.autograd.grad(remember(gru, x, memory)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="recur_back"):
        slope.sum().backward()


def test_a_gradient_may_be_asked_for_twice():
    gru, (x, memory) = build(3, 4), play(5, 2, 3, 4)
    total = remember(gru, x, memory)[0].sum()
    first = torch.autograd.grad(total, x, retain_graph=True)
    assert first[0].equal(torch.autograd.grad(total, x)[0])


def test_the_last_memory_alone_has_a_gradient():
    gru, (x, memory) = build(3, 4), play(5, 2, 3, 4)
    found = torch.autograd.grad(remember(gru, x, memory)[1].sum(), (x, memory))
    wanted = torch.autograd.grad(gru(x, memory)[1].sum(), (x, memory))
    torch.testing.assert_close(found, wanted)


def test_strides_do_not_matter():
    gru, (x, memory) = build(3, 4), play(5, 2, 3, 4)
    across = x.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    for one, other in zip(
        outcome(ours(gru), gru, across, memory), outcome(ours(gru), gru, x, memory), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_without_a_gradient_it_is_the_gru_itself():
    gru, (x, memory) = build(3, 4, torch.float32), play(5, 2, 3, 4, torch.float32)
    with torch.no_grad():
        assert all(
            a.equal(b) for a, b in zip(remember(gru, x, memory), gru(x, memory), strict=True)
        )


def test_on_meta():
    gru, (x, memory) = build(3, 4).to("meta"), (one.detach().to("meta") for one in play(5, 2, 3, 4))
    remembered, last = remember(gru, x, memory)
    assert (remembered.shape, last.shape) == ((5, 2, 4), (1, 2, 4))
    remembered.sum().backward()
    assert gru.weight_hh_l0.grad.shape == (12, 4)


def test_under_autocast():
    gru, (x, memory) = build(8, 8, torch.float32), play(20, 2, 8, 8, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        rough = outcome(ours(gru), gru, x, memory)
    assert rough[0].dtype == torch.float32  # only the input is rough
    for one, other in zip(rough, outcome(gru, gru, x, memory), strict=True):
        error = torch.linalg.vector_norm(one.float() - other) / torch.linalg.vector_norm(other)
        assert error < 0.03


def test_compiled_it_is_one_operation():
    nodes = []

    def trace(graph, inputs):
        nodes.extend(graph.graph.nodes)
        return graph.forward

    torch.compiler.reset()
    gru, (x, memory) = build(3, 4), play(50, 2, 3, 4)
    with torch._dynamo.config.patch(allow_rnn=True):  # else it leaves every nn.GRU to Python
        compiled = torch.compile(ours(gru), backend=trace, dynamic=False, fullgraph=True)
        found = outcome(compiled, gru, x, memory)
    torch.compiler.reset()
    assert len(nodes) < 40  # no step is a node of its own
    torch.testing.assert_close(found, outcome(gru, gru, x, memory))


def test_torch_s_own_checks_of_an_operation():
    g = torch.Generator().manual_seed(0)
    shapes = ((5, 2, 12), (2, 4), (12, 4), (4,))
    given = tuple(torch.randn(shape, generator=g, requires_grad=True) for shape in shapes)
    torch.library.opcheck(torch.ops.ddspcore.recur.default, given)
