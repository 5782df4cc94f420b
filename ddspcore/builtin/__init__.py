"""The built-in components: a plugin like any other, entering by `core = ddspcore.builtin`."""

from collections.abc import Mapping
from typing import Any

from ddspcore import hookimpl
from ddspcore.builtin import (
    backbones,
    controls,
    convolutions,
    evaluators,
    features,
    free,
    harmonic_heads,
    heads,
    known,
    losses,
    regularisers,
    schedules,
    sources,
    synths,
    tuning,
)
from ddspcore.train.events import RunInfo


@hookimpl
def ddsp_sources() -> list[type]:
    """Bring the built-in sources."""
    return [sources.WavFolder, known.KnownTones, known.KnownNoise, known.KnownRoom]


@hookimpl
def ddsp_features() -> list[type]:
    """Bring the built-in features."""
    return [features.F0, features.SwiftF0, features.Loudness, features.Rms, features.Deltas]


@hookimpl
def ddsp_backbones() -> list[type]:
    """Bring the built-in backbones."""
    return [backbones.Transformer, backbones.Mlp, backbones.Gru, convolutions.Tcn, free.Free]


@hookimpl
def ddsp_heads() -> list[type]:
    """Bring the built-in heads."""
    return [
        heads.Harmonic,
        harmonic_heads.HarmonicSoftmax,
        harmonic_heads.HarmonicSoftplus,
        harmonic_heads.HarmonicSigmoid,
        heads.Noise,
        tuning.F0Offset,
    ]


@hookimpl
def ddsp_synths() -> list[type]:
    """Bring the built-in synths."""
    return [synths.Harmonic, synths.Noise, synths.Reverb, tuning.HarmonicTuned]


@hookimpl
def ddsp_losses() -> list[type]:
    """Bring the built-in losses."""
    return [
        losses.MultiResolutionSpectra,
        losses.ExcessSpectra,
        losses.LinearLoudness,
        losses.DecibelLoudness,
        losses.WaveformMse,
        tuning.HarmonicFrequency,
        regularisers.HarmonicEntropy,
        regularisers.HarmonicConcentration,
        regularisers.NoiseDominance,
    ]


@hookimpl
def ddsp_schedules() -> list[type]:
    """Bring the built-in schedules."""
    return [
        schedules.Constant,
        schedules.Linear,
        schedules.Exponential,
        schedules.Cosine,
        schedules.Ramp,
        schedules.Piecewise,
    ]


@hookimpl
def ddsp_evaluators() -> list[type]:
    """Bring the built-in evaluators."""
    return [
        evaluators.MultiScaleSpectra,
        evaluators.MelLogSpectralDistance,
        evaluators.F0Error,
        evaluators.LoudnessError,
        evaluators.EnergyShare,
        evaluators.NoiseShare,
        evaluators.NoiseFloor,
        evaluators.EffectiveHarmonics,
        evaluators.Diagnosis,
        evaluators.DgenProbe,
        evaluators.Render,
        known.HarmonicError,
        known.NoiseError,
        known.DecayError,
        controls.Controls,
        controls.Smoothing,
    ]


@hookimpl
def ddsp_run_end(run: RunInfo, summary: Mapping[str, Any]) -> None:
    """Draw the run's picture."""
    from ddspcore.builtin.overview import draw_overview  # noqa: PLC0415  matplotlib loads slowly

    draw_overview(run.folder, summary)
