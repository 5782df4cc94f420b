import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.dsp.upsampling import linear


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.integers(1, 40))
def test_every_sample_lies_on_the_line_between_its_frames(batch, frames, channels, hop):
    x = torch.rand(batch, frames, channels)
    y = linear(x, hop)
    assert y.shape == (batch, (frames - 1) * hop, channels)
    t = torch.arange(y.shape[1])
    n, weight = t // hop, ((t % hop).double() / hop)[:, None]
    later = x[:, (n + 1).clamp(max=frames - 1)]
    line = x[:, n].double() * (1 - weight) + later.double() * weight
    torch.testing.assert_close(y.double(), line, rtol=0, atol=2e-7)


def test_a_frame_is_met_exactly():
    x = torch.rand(2, 9, 3)
    torch.testing.assert_close(linear(x, 160)[:, ::160], x[:, :-1], rtol=0, atol=0)


def test_gradient():
    x = torch.rand(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: linear(x, 5), x)
