"""The metric of checkpoints, against its published values."""

import pytest
import torch

best = pytest.importorskip("ddsp_dgen.best_metric", reason="ddsp-dgen is not installed")


# At 1e-8 empty bins count, which are rounding: "about 1.20" is given, within 1 to 4 %.
@pytest.mark.parametrize(("eps", "score", "rel"), [(1e-3, 0.553829, 2e-4), (1e-8, 1.20, 0.04)])
def test_the_published_score(tones, eps, score, rel):
    metric = best.BestMetric(best.BestMetric.Options(log_eps=eps))
    assert metric.score(*tones).item() == pytest.approx(score, rel=rel)


@pytest.mark.parametrize(
    ("window", "count"), [(64, 1021), (128, 509), (256, 253), (512, 125), (1024, 61)]
)
def test_its_windows_lie_within_the_signal(window, count):
    assert best.power(torch.zeros(1, 16384), window, window // 4).shape[1] == count


def test_silence_and_equality_are_zero(tones):
    metric = best.BestMetric(best.BestMetric.Options())
    assert metric.score(tones[0], tones[0]).item() == 0.0
    assert metric.score(torch.zeros(1, 2048), torch.zeros(1, 2048)).item() == 0.0
