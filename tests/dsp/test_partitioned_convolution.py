import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.dsp.filters import fft_convolve
from ddspcore.dsp.partitioned_convolution import convolve, partition, silence


def in_blocks(x, ir, block):
    parts = partition(ir, block)
    past, heard = silence(len(x), parts), []
    for piece in x.split(block, dim=1):
        one, past = convolve(piece, parts, past)
        heard.append(one)
    return torch.cat(heard, dim=1), past


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 33), st.integers(1, 100))
def test_block_by_block_is_the_whole(batch, blocks, block, taps):
    x = torch.randn(batch, blocks * block, dtype=torch.float64)
    ir = torch.randn(taps, dtype=torch.float64)
    heard, _ = in_blocks(x, ir, block)
    torch.testing.assert_close(heard, fft_convolve(x, ir[None]), rtol=0, atol=1e-11)


def test_an_impulse_is_answered_at_once_and_in_full():
    """Known answer: the response itself, from the very sample of the impulse."""
    ir = torch.tensor([0.5, -0.25, 0.125, 1.0, 2.0])
    x = torch.zeros(1, 12)
    x[0, 1] = 1.0
    heard, past = in_blocks(x, ir, 3)
    expected = torch.cat([torch.zeros(1), ir, torch.zeros(6)])[None]
    torch.testing.assert_close(heard, expected, rtol=0, atol=1e-6)
    assert past.spectra.shape == (1, 2, 4)
