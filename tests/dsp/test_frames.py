import pytest
import torch

from ddspcore.dsp.frames import Unframing, frame, samples


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.004, 64), (0.008, 128), (0.016, 256), (0.032, 512), (0.064, 1024), (0.128, 2048)],
)
def test_samples_are_round_numbers_at_16_khz(seconds, expected):
    assert samples(seconds, 16_000) == expected


def test_samples_are_multiples_of_16_close_to_the_duration_and_never_zero():
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000):
        for seconds in (0.001, 0.0333, 0.064, 1.0):
            count = samples(seconds, rate)
            assert count % 16 == 0
            assert count == 16 or abs(count - seconds * rate) <= 8
    assert samples(0.0, 16_000) == 16


@pytest.mark.parametrize("length", [1, 15, 16, 17, 160, 161, 1000])
@pytest.mark.parametrize(("window", "hop"), [(1, 1), (7, 3), (16, 16), (64, 16), (8, 16), (33, 50)])
def test_frame_n_is_centred_on_sample_n_times_hop(length, window, hop):
    x = torch.arange(1.0, length + 1)[None]
    frames = frame(x, window, hop)
    assert frames.shape == (1, length // hop + 1, window)
    for n in range(frames.shape[1]):
        for j in range(window):
            t = n * hop - window // 2 + j
            if 0 <= t < length:
                assert frames[0, n, j] == x[0, t]


def test_ends_are_reflected_without_repeating_the_end():
    frames = frame(torch.tensor([[1.0, 2, 3, 4, 5, 6]]), 4, 2)
    assert frames[0].tolist() == [[3, 2, 1, 2], [1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 5, 4]]


def test_a_signal_too_short_to_reflect_is_padded_with_zeros():
    assert frame(torch.tensor([[1.0, 2]]), 8, 4)[0].tolist() == [[0, 0, 0, 0, 1, 2, 0, 0]]
    assert frame(torch.zeros(2, 0), 8, 4).shape == (2, 1, 8)


def test_every_item_is_framed_alone_and_gradients_flow():
    x = torch.randn(3, 100, generator=torch.Generator().manual_seed(0), requires_grad=True)
    together = frame(x, 32, 10)
    assert torch.equal(together[1], frame(x[1], 32, 10))
    together.sum().backward()
    assert x.grad is not None
    assert x.grad.sum() == together.numel()


@pytest.mark.parametrize("length", [1, 15, 33, 160, 161])
@pytest.mark.parametrize(("window", "hop"), [(1, 1), (7, 3), (16, 16), (64, 16), (8, 16), (33, 50)])
def test_unframing_is_the_adjoint_of_framing(length, window, hop):
    """The gradient that autograd carries back through `frame`, from frames given in two parts."""
    generator = torch.Generator().manual_seed(length)
    x = torch.randn(2, length, generator=generator, dtype=torch.float64, requires_grad=True)
    frames = frame(x, window, hop)
    upstream = torch.randn(frames.shape, generator=generator, dtype=torch.float64)
    weights = torch.rand(window, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad((frames * weights * upstream).sum(), x)
    unframing, half = Unframing(x, window, hop), frames.shape[1] // 2
    unframing.add(upstream[:, half:], weights, first=half)
    unframing.add(upstream[:, :half], weights, first=0)
    torch.testing.assert_close(unframing.signal(), expected)
