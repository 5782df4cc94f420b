import torch

from ddspcore.dsp.precision import full_precision


def test_autocast_and_half_floats_stay_outside():
    @full_precision
    def product(a, b):
        return a @ b

    a, b = torch.rand(4, 4), torch.rand(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ b).dtype == torch.bfloat16
        assert product(a, b).dtype == torch.float32
    assert product(a.bfloat16(), b).dtype == torch.float32


def test_float64_stays_float64():
    assert full_precision(torch.square)(torch.rand(2, dtype=torch.float64)).dtype == torch.float64
