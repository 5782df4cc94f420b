"""What a loss is given that asks for the prediction once more."""

import torch

from ddspcore.builtin.losses import ExcessSpectra

NOISY = """
title    = "noise alone"
backbone = { use = "mlp", width = 8, layers = 1 }
head     = [{ use = "noise", bands = 9, initial_bias = 0.0 }]
synth    = [{ use = "noise" }]
[audio]
sample_rate = 16_000
[data]
use     = "known-noise"
seconds = 0.5
[metric]
use = "mss"
[[stage]]
name  = "A"
steps = 2
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft-excess"
"""


def test_the_same_controls_sound_with_other_noise_in_every_step(learner, monkeypatch):
    seen = []
    forward = ExcessSpectra.forward

    def watched(self, pred, again, prepared):
        seen.append((pred.detach(), again))
        return forward(self, pred, again, prepared)

    monkeypatch.setattr(ExcessSpectra, "forward", watched)
    built = learner(text=NOISY)
    for step in (0, 0, 1):
        batch, prepared = built.batch(step, 0)
        list(built.values(step, batch, prepared))
    (pred, again), repeated, later = seen
    assert not again.requires_grad
    assert torch.equal(again, repeated[1])
    assert not torch.equal(again, later[1])
    alike = torch.nn.functional.cosine_similarity(pred, again).abs().max()
    assert alike < 0.1
    levels = [x.square().mean().sqrt().item() for x in (pred, again)]
    assert 0.9 < levels[0] / levels[1] < 1.1


def test_it_is_not_made_where_no_loss_asks_for_it(learner, monkeypatch):
    built = learner(text=NOISY.replace("mrstft-excess", "mrstft"))
    batch, prepared = built.batch(0, 0)
    played = []
    synthesise = built.pipeline.synthesise
    monkeypatch.setattr(
        built.pipeline, "synthesise", lambda controls: played.append(1) or synthesise(controls)
    )
    list(built.values(0, batch, prepared))
    assert len(played) == 1
