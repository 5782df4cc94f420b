"""What the observer is told can be read back from the files that TensorBoard reads."""

import io

import numpy as np
import pytest
import soundfile
from ddsp_tensorboard import TensorBoard
from matplotlib.image import imread, imsave
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ddspcore.hooks import implementations
from ddspcore.observers import Observers
from ddspcore.plugins import Plugin, classify
from ddspcore.train.events import LogRecord, RunInfo, StageResult

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(1600) / 16000)
PICTURE = np.random.default_rng(1).integers(0, 255, (8, 12, 3), dtype=np.uint8)


class Run:
    """A run that has nothing but a folder; it tells what a runner tells."""

    def __init__(self, folder):
        self.folder = folder
        self.info = RunInfo(folder, "violin", "A violin", "cpu", ("A", "B"))
        self.start()

    def start(self):
        plugin = classify(Plugin("tensorboard", "ddsp_tensorboard", module=TensorBoard()))
        self.observers = Observers([plugin])
        (self.folder / "resolved.toml").write_text("seed = 1\n")
        self.tell("run_start")

    def tell(self, hook, **arguments):
        assert self.observers.call(f"ddsp_{hook}", run=self.info, **arguments) == []

    def log(self, stage, step, **values):
        self.tell("log", record=LogRecord(stage, step, values))

    def end_stage(self, stage, steps):
        result = StageResult(stage, self.folder / stage, steps, "mss", 0.5, 1, 0.6, 1.0)
        self.tell("stage_end", stage=result)

    def end(self, **summary):
        stages = [{"steps": 20}, {"steps": 10}]
        self.tell("run_end", summary={"stages": stages, "evaluation": {}, "renders": {}} | summary)

    def events(self, stage=""):
        found = EventAccumulator(str(self.folder / "tensorboard" / stage), {"audio": 0})
        return found.Reload()


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def points(events, tag):
    return [(point.step, pytest.approx(point.value)) for point in events.Scalars(tag)]


def test_it_implements_every_observer_hook():
    hooks = {each.hook for each in implementations(TensorBoard())}
    assert hooks == {"ddsp_run_start", "ddsp_log", "ddsp_stage_end", "ddsp_run_end"}


def test_every_stage_has_its_curves(run):
    for step in (0, 10, 20):
        run.log("A", step, loss=1 / (step + 1), lr=1e-3)
    run.end_stage("A", 20)
    run.log("B", 0, loss=0.25)
    run.end_stage("B", 10)
    assert points(run.events("A"), "loss") == [(0, 1.0), (10, 1 / 11), (20, 1 / 21)]
    assert points(run.events("A"), "lr") == [(0, 1e-3), (10, 1e-3), (20, 1e-3)]
    assert points(run.events("B"), "loss") == [(0, 0.25)]


def test_a_run_that_is_continued_replaces_what_it_does_again(run):
    for step in (0, 10, 20):
        run.log("A", step, loss=1.0)
    run.end_stage("A", 20)  # a killed run closes nothing, but has written what it has
    run.start()
    for step in (10, 20):
        run.log("A", step, loss=0.5)
    run.end_stage("A", 20)
    assert points(run.events("A"), "loss") == [(0, 1.0), (10, 0.5), (20, 0.5)]


def test_the_end_shows_numbers_sounds_and_pictures(run):
    soundfile.write(run.folder / "prediction.wav", TONE, 16000, subtype="FLOAT")
    imsave(run.folder / "overview.png", PICTURE)
    run.end(
        evaluation={"val": {"mss": 0.5}, "train": {"mss": 0.25}},
        renders={"prediction": "prediction.wav"},
    )
    events = run.events()
    assert points(events, "val/mss") == [(30, 0.5)]
    assert points(events, "train/mss") == [(30, 0.25)]
    (sound,) = events.Audio("prediction")
    heard, rate = soundfile.read(io.BytesIO(sound.encoded_audio_string))
    assert rate == 16000
    assert np.abs(heard - TONE).max() < 2**-14
    (picture,) = events.Images("overview")
    seen = imread(io.BytesIO(picture.encoded_image_string))[..., :3]
    assert np.array_equal(np.round(255 * seen), PICTURE)


def test_what_is_rendered_can_be_a_picture(run):
    imsave(run.folder / "painted.png", PICTURE)
    run.end(renders={"prediction": "painted.png"})
    assert run.events().Images("prediction")


def test_the_recipe_is_shown(run):
    assert "recipe/text_summary" in run.events().Tags()["tensors"]
