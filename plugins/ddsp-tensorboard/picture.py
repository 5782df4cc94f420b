"""Draw `picture.png`: what TensorBoard finds in a run, read back from the files it reads.

python picture.py RUN
"""

import io
import sys
from pathlib import Path

import soundfile
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ddspcore.style import INK, PARTS, STYLE, VERMILION

HERE = Path(__file__).parent


def main(run: Path) -> None:
    """Draw the metric's curves, two sounds and the overview."""
    root = run / "tensorboard"
    end = read(root)
    with rc_context(STYLE):
        figure = Figure(figsize=(13, 5.2), layout="constrained")
        panels = [["curve", "picture"], ["target", "picture"], ["prediction", "picture"]]
        axes = figure.subplot_mosaic(panels, height_ratios=[2, 1, 1])
        for stage, color in zip(
            sorted(p for p in root.iterdir() if p.is_dir()), PARTS, strict=False
        ):
            points = read(stage).Scalars("mss")
            steps, values = [p.step for p in points], [p.value for p in points]
            axes["curve"].plot(steps, values, color=color, label=stage.name)
        axes["curve"].set_title("mss")
        axes["curve"].legend()
        for name, color in (("target", INK), ("prediction", VERMILION)):
            sound, rate = soundfile.read(io.BytesIO(end.Audio(name)[0].encoded_audio_string))
            axes[name].plot(
                [t / rate for t in range(len(sound))], sound, color=color, linewidth=0.4
            )
            axes[name].set_title(name)
        axes["picture"].imshow(imread(io.BytesIO(end.Images("overview")[0].encoded_image_string)))
        axes["picture"].set_title("overview")
        axes["picture"].axis("off")
        figure.savefig(HERE / "picture.png", dpi=100, metadata={"Software": None})


def read(folder: Path) -> EventAccumulator:
    """Return the events of a folder, with all its sounds."""
    return EventAccumulator(str(folder), {"audio": 0, "images": 0}).Reload()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
