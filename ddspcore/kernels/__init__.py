"""The hot functions: one call each, which the fastest version that fits the tensor answers.

The reference in `ddspcore.dsp` runs on every device and dtype; a backend is a faster one for
float32 on one kind of device. A backend offers functions of these names and signatures, equal to
the reference in value and gradient.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ddspcore.dsp import (
    amplitude_maps,
    attention,
    filters,
    hiss,
    hops,
    oscillators,
    recurrence,
    scales,
    spectral_distance,
    stft,
    transformer,
    white,
)
from ddspcore.dsp import transformer_layer as layers
from ddspcore.dsp.precision import full_precision
from ddspcore.kernels.backends import answering, backend_on


@full_precision
def harmonic_bank(
    f0_hz: Tensor, amplitudes: Tensor, hop: int, sample_rate: int, start: Tensor | None = None
) -> Tensor:
    """Sum harmonic sines; see `ddspcore.dsp.oscillators.harmonic_bank`.

    Shape: f0_hz [B,N], amplitudes [B,N,K], start [B] int64 -> [B,(N-1)*hop].
    """
    backend = answering(f0_hz)
    bank = backend.harmonic_bank if backend else oscillators.harmonic_bank
    return bank(f0_hz, amplitudes, hop, sample_rate, start)


def harmonic_shares(like: Tensor) -> hops.Share:
    """Return what shares amplitudes among harmonics, for all of a stream on the device of `like`.

    See `ddspcore.dsp.hops.share`.
    """
    backend = answering(like)
    return backend.share if backend else hops.share


def amplitudes(bias: Tensor, matrix: Tensor) -> amplitude_maps.Amplitudes:
    """Return a map to amplitudes, for all of a stream; see `ddspcore.dsp.amplitude_maps`.

    Shape: bias [C], matrix [width,C].
    """
    backend = answering(matrix)
    squash = backend.amplitudes if backend else amplitude_maps.amplitudes
    return squash(bias, matrix)


def harmonic_hops(like: Tensor) -> hops.HarmonicHop:
    """Return what sums harmonic sines a hop at a time, for all of a stream on the device of `like`.

    To ask who answers takes as long as an operation. See `ddspcore.dsp.hops.harmonic_hop`.
    """
    backend = answering(like)
    if backend is None:
        return hops.harmonic_hop

    def harmonic_hop(
        f0_hz: Sequence[hops.Pair],
        amplitudes: Tensor,
        hop: int,
        sample_rate: int,
        start: Sequence[int],
    ) -> Tensor:
        known = np.array(f0_hz, dtype=np.float32), np.array(start)
        pitches, phases = (torch.from_numpy(each).to(amplitudes.device) for each in known)
        return backend.harmonic_bank(pitches, amplitudes, hop, sample_rate, phases)

    return harmonic_hop


@full_precision
def filtered_noise(white: Tensor, magnitudes: Tensor, hop: int) -> Tensor:
    """Filter noise by moving magnitudes; see `ddspcore.dsp.filters.filtered_noise`.

    Shape: white [B,(N-1)*hop], magnitudes [B,N,bands] -> [B,(N-1)*hop].
    """
    backend = answering(white)
    filtered = backend.filtered_noise if backend else filters.filtered_noise
    return filtered(white, magnitudes, hop)


def noise_hops(magnitudes: Tensor, hop: int) -> hiss.Hops:
    """Return what filters noise hop after hop, for all of a stream; see `ddspcore.dsp.hiss`.

    Shape: magnitudes [B,bands], of the first frame.
    """
    backend = answering(magnitudes)
    begin = backend.noise_hops if backend else hiss.noise_hops
    return begin(magnitudes, hop)


@full_precision
def exp_sigmoid(x: Tensor) -> Tensor:
    """Map any number to an amplitude; see `ddspcore.dsp.scales.exp_sigmoid`. Shape: any."""
    backend = answering(x)
    squash = backend.exp_sigmoid if backend else scales.exp_sigmoid
    return squash(x)


@full_precision
def multi_spectral_l1(
    x: Tensor,
    targets: Sequence[Tensor],
    hops: Sequence[int],
    *,
    linear: float,
    log: float,
    log_eps: float,
) -> Tensor:
    """Return the mean spectral distance over resolutions; see `ddspcore.dsp.spectral_distance`.

    Shape: x [B,T], each target [B, T // hop + 1, window // 2 + 1] -> scalar.
    """
    backend = answering(x)
    distance = backend.multi_spectral_l1 if backend else spectral_distance.multi_spectral_l1
    return distance(x, targets, hops, linear=linear, log=log, log_eps=log_eps)


@full_precision
def magnitude(x: Tensor, window: int, hop: int) -> Tensor:
    """Return short-time magnitudes; see `ddspcore.dsp.stft.magnitude`.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    backend = answering(x)
    magnitudes = backend.magnitude if backend else stft.magnitude
    return magnitudes(x, window, hop)


def recur(driven: Tensor, first: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the memory of a GRU at all steps, and its gates; see `ddspcore.dsp.recurrence`.

    Shape: driven [N,B,3H], first [B,H], weight [3H,H], bias [H] -> [N+1,B,H], [N,B,4H].
    """
    backend = answering(driven)
    run = backend.recur if backend else recurrence.recur
    return run(driven, first, weight, bias)


def recur_back(
    pushed: Tensor, hidden: Tensor, gates: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradient of what `recur` was given; see `ddspcore.dsp.recurrence`.

    Shape: pushed, hidden [N+1,B,H], gates [N,B,4H], weight [3H,H] -> [N,B,4H], [B,H].
    """
    backend = answering(pushed)
    run = backend.recur_back if backend else recurrence.recur_back
    return run(pushed, hidden, gates, weight)


def transformer_layer(
    x: Tensor, weights: layers.LayerWeights, attends: attention.Attention
) -> Tensor:
    """Return what a layer of a transformer makes of frames; see `ddspcore.dsp.transformer_layer`.

    Shape: [B,N,width] -> [B,N,width].
    """
    backend = answering(x)
    layer = backend.transformer_layer if backend else layers.transformer_layer
    return layer(x, weights, attends)


def transformer_frames(weights: transformer.Weights, batch: int) -> transformer.Frames:
    """Return what hears frame after frame, for all of a stream; see `ddspcore.dsp.transformer`."""
    backend = answering(weights.norm[0])
    begin = backend.transformer_frames if backend else transformer.transformer_frames
    return begin(weights, batch)


def white_noise(items: Tensor, samples: int, key: int, offset: int) -> Tensor:
    """Return noise that is a hash of its arguments, by whomever; see `ddspcore.dsp.white`.

    Shape: items [B] int64 -> [B, samples] float32.
    """
    backend = backend_on(items.device.type)
    hashed = backend.white_noise if backend else white.white_noise
    return hashed(items, samples, key, offset)
