"""On a GPU nothing waits for the host: a step of the hot functions is captured and replayed."""

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from ddspcore import kernels

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

RATE, HOP, FRAMES = 16_000, 64, 9


@pytest.fixture
def step():
    """Return a step on fixed memory: controls in, a distance and the controls' gradients out."""
    numbers = torch.Generator().manual_seed(0)
    draw = [(2, FRAMES), (2, FRAMES, 20), (2, FRAMES, 17), (2, (FRAMES - 1) * HOP), (2, 33, 33)]
    f0, amplitudes, magnitudes, white, target = (
        torch.rand(size, generator=numbers).cuda() for size in draw
    )
    controls = [(100.0 + 900.0 * f0), amplitudes, magnitudes]
    for control in controls:
        control.requires_grad_()

    def run():
        signal = kernels.harmonic_bank(*controls[:2], HOP, RATE)
        signal = signal + kernels.filtered_noise(white, controls[2], HOP)
        terms = {"linear": 1.0, "log": 1.0, "log_eps": 1e-3}
        distance = kernels.multi_spectral_l1(signal, [target], [16], **terms)
        return distance.detach(), *torch.autograd.grad(distance, controls)

    return controls, run


def test_a_step_never_waits_for_the_device(step, monkeypatch):
    monkeypatch.setenv("DDSP_KERNELS", "native")
    _, run = step
    run()
    torch.cuda.set_sync_debug_mode("error")
    try:
        run()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_captured_step_follows_its_controls(step, monkeypatch):
    monkeypatch.setenv("DDSP_KERNELS", "native")
    controls, run = step
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = run()
    with torch.no_grad():
        for control in controls:
            control.mul_(0.7)
    graph.replay()
    for ours, theirs in zip(captured, run(), strict=True):
        assert torch.equal(ours, theirs)
