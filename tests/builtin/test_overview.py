import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from ddspcore.builtin.overview import draw_overview
from ddspcore.builtin.overview.sound import draw_f0, draw_loudness, draw_spectrograms, read_take
from ddspcore.curves import draw_losses, draw_metric
from ddspcore.data.wav import encode_wav

RENDERS = {name: f"C/val/{name}.wav" for name in ("target", "prediction", "harmonic", "noise")}
SUMMARY = {
    "title": "A title",
    "device": "cpu",
    "metric": {"name": "mss", "value": 0.5, "direction": "lower", "split": "val"},
    "renders": {**RENDERS, "controls": "C/val/controls.npz"},
}


def lines(direction: float = -1.0) -> list[dict]:
    found, total = [], 0
    for stage, steps in (("A", 300), ("B", 100)):
        for step in range(50, steps + 1, 50):
            at = {"stage": stage, "step": step, "total_step": total + step}
            level = math.exp(direction * at["total_step"] / 200)
            found.append({"kind": "train", **at, "loss": 1.1 * level, "loss/a": level, "lr": 1e-3})
            found.append({"kind": "metric", **at, "mss": level, "best": True})
        total += steps
    return found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    t = torch.arange(16000) / 16000
    tone = 0.3 * torch.sin(2 * math.pi * 220 * t)
    (tmp_path / "C/val").mkdir(parents=True)
    for index, path in enumerate(RENDERS.values()):
        (tmp_path / path).write_bytes(encode_wav(((0.5**index) * tone).numpy(), 16000))
    text = "\n".join(json.dumps(line) for line in lines())
    (tmp_path / "metrics.jsonl").write_text(text + "\n")
    return tmp_path


@pytest.mark.filterwarnings("error")
def test_it_draws_one_large_picture_and_repeats_it(run: Path) -> None:
    path = draw_overview(run, SUMMARY)
    first = path.read_bytes()
    assert path == run / "overview.png"
    assert first.startswith(b"\x89PNG")
    width, height = (int.from_bytes(first[at : at + 4], "big") for at in (16, 20))
    assert width >= 1600
    assert height >= 1200
    assert draw_overview(run, SUMMARY).read_bytes() == first


@pytest.mark.parametrize("missing", ["prediction", "target", "harmonic", "all"])
def test_it_does_without_what_is_missing(run: Path, missing: str) -> None:
    gone = RENDERS.values() if missing == "all" else [RENDERS[missing]]
    for path in gone:
        (run / path).unlink()
    assert draw_overview(run, SUMMARY).stat().st_size > 10_000


@pytest.mark.filterwarnings("error")
def test_a_run_of_one_step_keeps_the_layout(run: Path) -> None:
    at = {"stage": "A", "step": 1, "total_step": 1}
    logged = [{"kind": "train", **at, "loss": 1.0, "loss/a": 1.0}, {"kind": "metric", **at}]
    (run / "metrics.jsonl").write_text("\n".join(json.dumps(line) for line in logged))
    draw_overview(run, SUMMARY)


def test_it_does_without_anything(tmp_path: Path) -> None:
    assert draw_overview(tmp_path, {}).is_file()


def test_the_best_is_marked_whichever_way_is_better() -> None:
    for direction, sign in (("lower", -1.0), ("higher", 1.0)):
        axes = Figure().subplots()
        draw_metric(axes, lines(sign), {"metric": {"name": "mss", "direction": direction}})
        star = axes.lines[-1]
        assert star.get_xdata() == [400]
        assert star.get_ydata() == [pytest.approx(math.exp(sign * 2))]


def test_no_line_joins_two_stages_and_null_is_a_hole() -> None:
    logged = lines()
    logged[2]["loss/a"] = None
    axes = Figure().subplots()
    draw_losses(axes, logged)
    values = np.asarray(axes.lines[0].get_ydata())
    assert np.flatnonzero(np.isnan(values)).tolist() == [1, 6]
    assert axes.get_yscale() == "log"


def test_a_loss_that_reaches_zero_is_drawn_on_a_linear_axis() -> None:
    logged = lines()
    logged[0]["loss/a"] = 0.0
    axes = Figure().subplots()
    draw_losses(axes, logged)
    assert axes.get_yscale() == "linear"


def test_both_spectrograms_have_the_same_scale(run: Path) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    draw_spectrograms(figure, left, right, read_take(run, RENDERS))
    target, prediction = left.images[0], right.images[0]
    assert target.get_clim() == prediction.get_clim()
    assert target.get_clim()[1] == pytest.approx(20 * math.log10(0.3), abs=0.1)
    peaks = [image.get_array().max() for image in (target, prediction)]
    assert peaks[1] - peaks[0] == pytest.approx(-6.02, abs=0.01)


def test_tracks_are_those_of_the_signals(run: Path) -> None:
    pitch, loudness = Figure().subplots(1, 2)
    take = read_take(run, RENDERS)
    draw_f0(pitch, take)
    draw_loudness(loudness, take)
    for line in pitch.lines:
        assert np.nanmedian(line.get_ydata()) == pytest.approx(220, rel=1e-3)
    target, prediction = (np.asarray(line.get_ydata()) for line in loudness.lines)
    assert np.median(prediction - target) == pytest.approx(-6.02, abs=0.01)


def test_silence_is_drawn(run: Path) -> None:
    for path in RENDERS.values():
        (run / path).write_bytes(encode_wav(np.zeros(8000, np.float32), 16000))
    draw_overview(run, SUMMARY)


@pytest.mark.parametrize("terms", [3, 5])
def test_a_long_legend_leaves_the_title_readable(terms):
    names = [f"loss/a-{number}-long-name" for number in range(terms)]
    values = dict.fromkeys(names, 1.0)
    course = [{**line, **values} for line in lines() if line["kind"] == "train"]
    figure = Figure(figsize=(7.0, 3.5), dpi=110)
    axes = figure.subplots()
    draw_losses(axes, course)
    figure.canvas.draw()
    title = axes._left_title.get_window_extent()
    assert not title.overlaps(axes.get_legend().get_window_extent())
