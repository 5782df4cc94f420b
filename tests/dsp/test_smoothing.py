import pytest
import torch

from ddspcore.dsp.smoothing import FIVE_TAPS, smooth, total_variation


def test_an_impulse_becomes_the_taps():
    x = torch.zeros(1, 9, 2)
    x[0, 4, 1] = 1.0
    assert smooth(x)[0, 2:7, 1].tolist() == pytest.approx(FIVE_TAPS)
    assert smooth(x)[0, :, 0].abs().max() == 0.0


def test_taps_are_those_of_a_convolution():
    x = torch.zeros(1, 5, 1)
    x[0, 2, 0] = 1.0
    assert smooth(x, (1.0, 2.0, 3.0)).flatten().tolist() == [0.0, 1.0, 2.0, 3.0, 0.0]


def test_the_ends_are_held():
    x = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])[None, :, None]
    # the first frame stands for itself and for two before it
    assert smooth(x).flatten().tolist() == pytest.approx([0.7, 0.3, 0.1, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
def test_what_is_constant_stays_and_a_simplex_is_kept(frames):
    x = torch.rand(2, frames, 7, dtype=torch.float64).softmax(-1)
    assert torch.allclose(smooth(x).sum(-1), torch.ones(2, frames, dtype=torch.float64))
    constant = x[:, :1].expand(-1, frames, -1)
    assert torch.allclose(smooth(constant), constant)


def test_it_is_differentiable():
    x = torch.rand(1, 6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(smooth, x)


def test_an_even_number_of_taps_is_refused():
    with pytest.raises(ValueError, match="2 taps have no middle"):
        smooth(torch.zeros(1, 3, 1), (0.5, 0.5))


def test_total_variation_by_hand():
    x = torch.tensor([[0.0, 1.0], [3.0, 1.0], [1.0, 1.0]])[None]
    assert total_variation(x).tolist() == [[2.5, 0.0]]
    assert total_variation(x[:, :1]).tolist() == [[0.0, 0.0]]


def test_smoothing_lowers_variation():
    x = torch.rand(1, 200, 1)
    assert total_variation(smooth(x)) < 0.5 * total_variation(x)
