"""DDSPE2E of DGen, emulated for comparison: what it hears, predicts, plays and minimises."""

from ddspcore import hookimpl

from ddsp_dgen import backbones, best_metric, features, heads, losses, schedules, source, synths
from ddsp_dgen.spectral import Spectral


@hookimpl
def ddsp_sources() -> list[type]:
    """Bring its chunks."""
    return [source.Chunks]


@hookimpl
def ddsp_features() -> list[type]:
    """Bring what it hears, and how rows lie in time."""
    return [features.Autocorrelation, features.Rms, features.Conditioning, features.Playhead]


@hookimpl
def ddsp_backbones() -> list[type]:
    """Bring its two decoders."""
    return [backbones.Mlp, backbones.Transformer]


@hookimpl
def ddsp_heads() -> list[type]:
    """Bring a head for each of its modes."""
    return [heads.Legacy, heads.Normalized, heads.SoftmaxDb, heads.ExpSigmoid]


@hookimpl
def ddsp_synths() -> list[type]:
    """Bring its two generators."""
    return [synths.Harmonic, synths.Noise]


@hookimpl
def ddsp_losses() -> list[type]:
    """Bring its losses and regularisers."""
    return [
        Spectral,
        losses.Mse,
        losses.LinearLoudness,
        losses.DecibelLoudness,
        losses.NoiseDominance,
        losses.Entropy,
        losses.Concentration,
    ]


@hookimpl
def ddsp_schedules() -> list[type]:
    """Bring its schedules where they differ from the built-in ones."""
    return [schedules.Cosine, schedules.Exponential]


@hookimpl
def ddsp_evaluators() -> list[type]:
    """Bring the metric by which it chooses checkpoints."""
    return [best_metric.BestMetric]
