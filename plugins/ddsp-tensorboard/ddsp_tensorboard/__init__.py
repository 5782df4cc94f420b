"""An observer that shows runs in TensorBoard: curves, sounds, pictures and the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddspcore import hookimpl

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from ddspcore.train.events import LogRecord, RunInfo, StageResult

FOLDER = "tensorboard"
FLUSH_SECONDS = 10


class TensorBoard:
    """Writes events into `tensorboard/` of a run folder, a subfolder for each stage.

    A plugin may be an object as well as a module: this one remembers its open files.
    """

    def __init__(self) -> None:
        self._writers: dict[Path, SummaryWriter] = {}

    @hookimpl
    def ddsp_run_start(self, run: RunInfo) -> None:
        """Show the recipe that runs, with all its defaults."""
        recipe = (run.folder / "resolved.toml").read_text(encoding="utf-8")
        with self._opened(run.folder / FOLDER) as writer:
            writer.add_text("recipe", f"{run.title}, on {run.device}\n\n```toml\n{recipe}```")

    @hookimpl
    def ddsp_log(self, run: RunInfo, record: LogRecord) -> None:
        """Add a point to the stage's curves; its steps count from 0."""
        folder = run.folder / FOLDER / record.stage
        if folder not in self._writers:
            # What an interrupted run wrote from this step on is written again.
            self._writers[folder] = self._opened(folder, purge_step=record.step)
        for name, value in record.values.items():
            self._writers[folder].add_scalar(name, value, record.step)

    @hookimpl
    def ddsp_stage_end(self, run: RunInfo, stage: StageResult) -> None:
        """Close the stage's file."""
        writer = self._writers.pop(run.folder / FOLDER / stage.name, None)
        if writer:
            writer.close()

    @hookimpl
    def ddsp_run_end(self, run: RunInfo, summary: Mapping[str, Any]) -> None:
        """Add the last evaluation, the sounds and the pictures."""
        step = sum(stage["steps"] for stage in summary["stages"])
        with self._opened(run.folder / FOLDER) as writer:
            for split, found in summary["evaluation"].items():
                for name, value in found.items():
                    writer.add_scalar(f"{split}/{name}", value, step)
            for name, file in summary["renders"].items():
                add = _add_picture if file.endswith(".png") else _add_sound
                add(writer, name, run.folder / file, step)
            for picture in sorted(run.folder.glob("*.png")):
                _add_picture(writer, picture.stem, picture, step)

    def _opened(self, folder: Path, purge_step: int | None = None) -> SummaryWriter:
        # Listing plugins should not wait for it.
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

        return SummaryWriter(str(folder), purge_step=purge_step, flush_secs=FLUSH_SECONDS)


def _add_sound(writer: SummaryWriter, name: str, file: Path, step: int) -> None:
    import soundfile  # noqa: PLC0415
    import torch  # noqa: PLC0415

    sound, rate = soundfile.read(file, dtype="float32")
    writer.add_audio(name, torch.from_numpy(sound), step, sample_rate=rate)


def _add_picture(writer: SummaryWriter, name: str, file: Path, step: int) -> None:
    from matplotlib.image import imread  # noqa: PLC0415

    writer.add_image(name, imread(file), step, dataformats="HWC")


observer = TensorBoard()
