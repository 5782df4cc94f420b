import pytest
import torch

from ddspcore.builtin.evaluators.energy_share import EnergyShare


def test_amplitudes_2_and_1_share_4_to_1(evaluate, told, as_batches) -> None:
    pipeline = told(
        harmonic=lambda batch: 2 * torch.ones_like(batch["audio"]),
        noise=lambda batch: -torch.ones_like(batch["audio"]),
    )
    found = evaluate(EnergyShare, pipeline, as_batches(torch.zeros(100), torch.zeros(300)))
    assert found == {"share/harmonic": pytest.approx(0.8), "share/noise": pytest.approx(0.2)}


def test_every_sample_counts_alike(evaluate, told, as_batches) -> None:
    pipeline = told(a=lambda b: b["audio"], b=lambda b: 1 - b["audio"])
    found = evaluate(EnergyShare, pipeline, as_batches(torch.ones(100), torch.zeros(300)))
    assert found == {"share/a": pytest.approx(0.25), "share/b": pytest.approx(0.75)}


def test_silence_is_zero(evaluate, told, as_batches) -> None:
    found = evaluate(EnergyShare, told(a=lambda batch: batch["audio"]), as_batches(torch.zeros(64)))
    assert found == {"share/a": 0.0}
