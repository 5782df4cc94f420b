"""Draw `picture.png`: the tables that a run learned, and how they are mixed in what is held out.

ddsp run wavetable:violin --run-dir RUN
python picture.py RUN
"""

import json
import sys
from pathlib import Path

import numpy as np
from ddsp_wavetable.synth import WavetableSynth, waves
from matplotlib import rc_context
from matplotlib.figure import Figure
from safetensors.torch import load_file

from ddspcore import Context
from ddspcore.style import BLUE, GREEN, ORANGE, PALE, PINK, STYLE, VERMILION

HERE = Path(__file__).parent
COLORS = (VERMILION, BLUE, GREEN, ORANGE, PINK)


def main(run: Path) -> None:
    """Draw the tables that are heard most, and the share of each over time."""
    summary = json.loads((run / "summary.json").read_text())
    weights = load_file(run / summary["best_checkpoint"])["synth.harmonic.harmonics"]
    options = WavetableSynth.Options(tables=weights.shape[0], harmonics=weights.shape[2])
    module = WavetableSynth(options, Context({"sample": 16_000.0, "frame": 62.5}))
    module.load_state_dict({"harmonics": weights})
    cycles = waves(module.tables().detach()).numpy()
    render = Path(summary["renders"]["prediction"]).parent
    controls = np.load(run / render / "controls.npz")
    mix, seconds = controls["wavetable_mix"], controls["times_s"]
    order = np.argsort(-mix.mean(0))
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 5), layout="constrained")
        names = [str(place) for place in range(len(COLORS))]
        axes = figure.subplot_mosaic([names, ["mix"] * len(names)], height_ratios=[1, 1.3])
        for name, table, color in zip(names, order, COLORS, strict=False):
            axes[name].plot(np.linspace(0, 1, cycles.shape[1]), cycles[table], color=color)
            axes[name].set_title(f"table {table}")
            axes[name].set_ylim(-2.5, 2.5)
        shades = [*COLORS, *[PALE] * (len(order) - len(COLORS))]
        axes["mix"].stackplot(seconds, mix[:, order].T, colors=shades)
        axes["mix"].set(ylim=(0, 1), xlim=(0, seconds[-1]), xlabel="s", ylabel="share of the mix")
        figure.savefig(HERE / "picture.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
