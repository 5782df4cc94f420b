"""Measures pieces of magenta/ddsp; a script for an environment with TensorFlow and without ours.

Reads JSON, one object a line, from stdin, and answers each on stdout. {"piece", "arrays",
"gradients", "options"} prepares a piece of work, traces it, and writes its result beside the
arrays; {"go": true} does it once and answers how long it took.
"""

import json
import sys
import time
import types
from pathlib import Path

import numpy as np


class Empty:
    """Stands for anything that the measured pieces do not use."""

    def __init__(self, *args, **named):
        pass


class StandIn(types.ModuleType):
    """Stands for a package that is not installed and not used."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Empty if name[0].isupper() else StandIn(name)


def import_magenta(folder):
    """Return magenta's core and losses, past what its package imports for training."""
    for name in ("scipy", "crepe", "librosa", "tensorflow_probability"):
        sys.modules.setdefault(name, StandIn(name))
    package = types.ModuleType("ddsp")
    package.__path__ = [str(folder / "ddsp")]
    sys.modules["ddsp"] = package
    from ddsp import core, losses  # noqa: PLC0415

    return core, losses


def pieces(core, losses):
    """Return the measured functions by name: arrays and options in, one tensor out."""

    def bank(arrays, hop, sample_rate):
        amplitudes = arrays["amplitudes"]
        total = tf.reduce_sum(amplitudes, axis=-1, keepdims=True)
        return core.harmonic_synthesis(
            arrays["f0"],
            total,
            harmonic_distribution=amplitudes / total,
            n_samples=amplitudes.shape[1] * hop,
            sample_rate=sample_rate,
        )

    def noise(arrays):
        return core.frequency_filter(arrays["white"], arrays["magnitudes"])

    def loss(arrays, windows):
        spectral = losses.SpectralLoss(fft_sizes=windows, mag_weight=1.0, logmag_weight=1.0)
        return spectral.call(arrays["target"], arrays["pred"])

    return {"bank": bank, "noise": noise, "loss": loss}


def prepare(function, request):
    """Return a call without arguments that does the work and waits for it."""
    path = Path(request["arrays"])
    arrays = {name: tf.constant(value) for name, value in np.load(path).items()}
    names = request["gradients"]

    @tf.function
    def work(arrays):
        with tf.GradientTape() as tape:
            tape.watch([arrays[name] for name in names])
            result = function(arrays, **request["options"])
        gradients = tape.gradient(result, [arrays[name] for name in names]) if names else []
        return result, gradients

    def call():
        result, gradients = work(arrays)
        return result.numpy(), [gradient.numpy() for gradient in gradients]

    np.save(path.with_suffix(".npy"), call()[0])
    return call


def main(folder, threads):
    """Answer until stdin ends."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    offered, call = pieces(*import_magenta(folder)), None
    for line in sys.stdin:
        request = json.loads(line)
        if "piece" in request:
            call = prepare(offered[request["piece"]], request)
            answer = {"ready": True}
        else:
            start = time.perf_counter()
            call()
            answer = {"seconds": time.perf_counter() - start}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    import tensorflow.compat.v2 as tf

    main(Path(sys.argv[1]), int(sys.argv[2]))
