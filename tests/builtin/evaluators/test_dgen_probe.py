import math

import pytest
import torch

from ddspcore.builtin.evaluators.dgen_probe import DgenProbe, distances, probe


@pytest.fixture
def tones() -> tuple[torch.Tensor, torch.Tensor]:
    t = torch.arange(16384, dtype=torch.float64) / 16000
    target = 0.5 * torch.sin(2 * math.pi * 220 * t) + 0.25 * torch.sin(2 * math.pi * 440 * t)
    pred = 0.4 * torch.sin(2 * math.pi * 220 * t + 0.3)
    return pred.float()[None], target.float()[None]


@pytest.mark.parametrize(
    ("window", "linear", "log"),
    [
        (64, 3.048756e-5, 4.44729e-5),
        (128, 3.456268e-5, 3.88292e-5),
        (256, 4.215793e-5, 1.9388e-5),
        (512, 4.288590e-5, 2.7429e-5),
        (1024, 4.339263e-5, 2.4961e-5),
    ],
)
def test_the_published_vectors(tones, window: int, linear: float, log: float) -> None:
    found_linear, found_log = distances(*tones, window, 1e-3)
    assert found_linear.item() == pytest.approx(linear, rel=5e-7)
    # Log bins far below eps are FFT rounding: float32 libraries differ by 1e-4 at 1024, pocketfft
    # gives the published digits, float64 gives 2.4954.
    assert found_log.item() == pytest.approx(log, rel=2e-4)


def test_the_published_sum(tones) -> None:
    assert probe(*tones, 1e-3).item() == pytest.approx(6.9713e-5, rel=2e-5)
    assert probe(*tones, 1e-8).item() == pytest.approx(1.353e-4, rel=0.02)


def test_windows_longer_than_the_signal_are_left_out() -> None:
    torch.manual_seed(0)
    pred, target = torch.randn(2, 1, 300)
    expected = sum(sum(distances(pred, target, window, 1e-3)) for window in (64, 128, 256)) / 3
    assert torch.allclose(probe(pred, target, 1e-3), expected)


def test_it_averages_over_fresh_noise(evaluate, told, as_batches) -> None:
    pipeline = told(x=lambda batch: batch["white"])
    batches = as_batches(torch.zeros(4096), torch.zeros(8192))
    found = evaluate(DgenProbe, pipeline, batches, realisations=3)
    assert len(pipeline.steps) == 6
    assert len(set(pipeline.steps)) == 3
    assert max(pipeline.steps) < -1
    single = [
        probe(pipeline.with_noise(b, seed=0, step=step)["white"], b["audio"], 1e-3).item()
        for b in batches
        for step in sorted(set(pipeline.steps))
    ]
    assert found["dgen-probe/0.001"] == pytest.approx(sum(single) / len(single), rel=1e-5)


def test_each_eps_is_a_metric_of_its_own(evaluate, told, as_batches) -> None:
    pipeline = told(x=lambda batch: 0.5 * batch["audio"])
    found = evaluate(DgenProbe, pipeline, as_batches(torch.randn(2048)), eps=(1e-3, 1e-8))
    assert list(found) == ["dgen-probe/0.001", "dgen-probe/1e-08"]


def test_silence_is_finite(evaluate, told, as_batches) -> None:
    found = evaluate(DgenProbe, told(x=lambda b: 0 * b["audio"]), as_batches(torch.zeros(4096)))
    assert found["dgen-probe/0.001"] == 0.0
