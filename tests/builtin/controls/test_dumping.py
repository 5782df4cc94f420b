"""The tables have DDSPE2E's columns and say what the model says; the pictures show it."""

import json
import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from ddspcore.builtin.controls import pictures
from ddspcore.builtin.controls.dumping import Controls
from ddspcore.builtin.controls.pictures import decibels
from ddspcore.builtin.controls.tables import read_tables, wavetable, zero_phase_taps
from ddspcore.errors import UserError

SUMMARY = (
    "batch,frame,f0_norm,loudness_norm,uv,delta_f0,delta_loudness,"
    "harmonic_gain,noise_gain,amp_sum,amp_max,amp_argmax"
)


@pytest.fixture
def dump(ctx, pipeline, tmp_path):
    """Return a function that writes the tables of a batch."""

    def write(batch, at=None):
        assert Controls(Controls.Options(at=at), ctx)(pipeline, [batch], tmp_path) == {}
        return tmp_path

    return write


def test_the_summary_has_the_columns_and_a_row_a_frame(dump, batch, read_csv, harmonic_sum):
    header, rows = read_csv(dump(batch) / "control_summary.csv")
    assert header == SUMMARY
    assert rows.shape == (22, 12)
    assert rows[:, 0].tolist() == [0] * 11 + [1] * 11
    assert rows[:11, 1].tolist() == list(range(11))
    assert rows[0, 2:].tolist() == pytest.approx(
        [-1.0, 0.75, 0.0, 0.0, 0.0, 0.1, math.sqrt(5.0), 1.0, 1 / harmonic_sum, 1]
    )
    assert rows[10, 2:5].tolist() == pytest.approx([-1.0, 0.75, 1.0])
    assert rows[10, 7] == pytest.approx(1.1)


def test_pitch_and_loudness_are_scaled_and_differenced(dump, batch, read_csv):
    batch["f0_hz"] = batch["f0_hz"].clone()
    batch["f0_hz"][:, 5:] = 880.0
    batch["f0_hz"][:, 7:] = 0.0
    batch["loudness_db"] = torch.linspace(-120.0, 30.0, 11).reshape(1, 11, 1).repeat(2, 1, 1)
    _, rows = read_csv(dump(batch) / "control_summary.csv")
    assert rows[[4, 5, 6], 2].tolist() == pytest.approx([-1.0, 1.0, 1.0])
    assert rows[7, 2] == pytest.approx(math.log2(1 / 440))
    assert rows[[0, 5, 6], 5].tolist() == pytest.approx([0.0, 2.0, 0.0])
    assert rows[[0, 6, 10], 3].tolist() == pytest.approx([0.0, 0.625, 1.0])
    assert rows[5, 6] == pytest.approx(15 / 80)


def test_three_frames_of_the_first_item_are_in_full(dump, batch, read_csv, harmonic_sum):
    folder = dump(batch)
    tables = ("harmonics", "noise_bands", "noise_filter", "wavetable")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [
            *(f"b0_f{frame}_{name}.csv" for frame in (0, 5, 10) for name in tables),
            *("control_summary.csv", "controls.json", "controls.png"),
        ]
    )
    header, rows = read_csv(folder / "b0_f5_harmonics.csv")
    assert header == "harmonic,amp"
    wanted = [x for k in range(1, 21) for x in (k, 1 / k / harmonic_sum)]
    assert rows.ravel().tolist() == pytest.approx(wanted)
    header, rows = read_csv(folder / "b0_f5_wavetable.csv")
    assert header == "sample,value"
    assert rows[:, 0].tolist() == list(range(512))
    wanted = sum(math.sin(2 * math.pi * k * 7 / 512) / k for k in range(1, 21)) / harmonic_sum
    assert rows[7, 1] == pytest.approx(0.6 * wanted)
    header, rows = read_csv(folder / "b0_f0_noise_bands.csv")
    assert header == "band,frequency_hz,magnitude"
    assert rows[3].tolist() == [3, 3000, 4]
    header, rows = read_csv(folder / "b0_f0_noise_filter.csv")
    assert header == "tap,value"
    assert rows[:, 0].tolist() == list(range(8))


def test_a_moment_can_be_chosen_but_not_beyond_the_end(dump, batch, golden):
    assert (dump(batch, at=0.026) / "b0_f2_harmonics.csv").is_file()
    with pytest.raises(UserError) as refused:
        dump(batch, at=1.0)
    golden("controls-beyond-the-end", f"{refused.value}\n")


def test_taps_of_a_filter_are_written_as_they_are(dump, batch, read_csv):
    del batch["noise_magnitudes"]
    batch["noise_taps"] = torch.arange(3.0).expand(2, 11, -1)
    batch["noise_gain"] = torch.full((2, 11, 1), 0.25)
    folder = dump(batch)
    assert read_csv(folder / "b0_f10_noise_filter.csv")[1].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert (read_csv(folder / "control_summary.csv")[1][:, 8] == 0.25).all()


def test_what_the_model_does_not_say_is_an_empty_cell(dump, batch, read_csv):
    for name in ("noise_magnitudes", "loudness_db", "voicing"):
        del batch[name]
    folder = dump(batch)
    _, rows = read_csv(folder / "control_summary.csv")
    assert np.isnan(rows[:, [3, 4, 6, 8]]).all()
    assert np.isfinite(rows[:, [2, 5, 7, 9]]).all()
    assert not (folder / "b0_f0_noise_filter.csv").exists()
    assert (folder / "controls.png").stat().st_size > 50_000


def test_a_model_without_harmonics_says_what_there_is(dump, batch, golden):
    del batch["harmonic_distribution"]
    with pytest.raises(UserError) as refused:
        dump(batch)
    golden("controls-without-harmonics", f"{refused.value}\n")


def test_tables_are_read_again(dump, batch):
    folder = dump(batch)
    read = read_tables(folder)
    assert read.seconds == json.loads((folder / "controls.json").read_text())["seconds"] == 0.125
    assert read.times_s.tolist() == pytest.approx([0.0125 * n for n in range(11)])
    assert [(m.time_s, m.f0_hz) for m in read.moments] == [(0.0, 220), (0.0625, 220), (0.125, 220)]
    assert read.middle.audible == 18  # 19 * 220 Hz is above 4 kHz
    assert len(read.columns["frame"]) == 11


def test_the_middle_tap_is_where_a_flat_filter_has_its_impulse():
    assert zero_phase_taps(np.ones(5)).tolist() == pytest.approx([0, 0, 0, 0, 1, 0, 0, 0])


def test_a_sine_is_a_sine():
    assert wavetable(np.array([1.0]), 0.5)[128] == pytest.approx(0.5)
    assert decibels(np.array([1.0, 0.1, 0.0])).tolist() == pytest.approx([0, -20, -100])


@pytest.mark.filterwarnings("error")
def test_pictures_are_drawn_and_repeat(ctx, pipeline, batch, tmp_path):
    evaluator = Controls(Controls.Options(), ctx)
    folders = {"A 0": tmp_path / "a/x", "A 10 best": tmp_path / "b/x"}
    for folder in folders.values():
        folder.mkdir(parents=True)
        evaluator(pipeline, [batch], folder)
        batch["harmonic_amplitude"] = batch["harmonic_amplitude"] * 0.5
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        evaluator.compare(folders, tmp_path / name)
    once, again = (tmp_path / n / "controls_compare.png" for n in ("once", "again"))
    assert once.read_bytes() == again.read_bytes()
    assert once.stat().st_size > 50_000
    assert (tmp_path / "a/x/controls.png").stat().st_size > 50_000


@pytest.mark.filterwarnings("error")
def test_an_unvoiced_item_of_one_frame_is_drawn(dump, batch):
    for name, value in batch.items():
        if value.dim() == 3:
            batch[name] = value[:, :1] * (name != "f0_hz")
    batch["audio"] = batch["audio"][:, :1]
    assert (dump(batch) / "controls.png").stat().st_size > 20_000


@pytest.mark.parametrize(("lines", "hides"), [(3, True), (10, False)])
def test_names_of_many_lines_stand_beside_them(lines, hides):
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for number in range(lines):
        axes.plot([0.0, 1.0], [0.0, number], label=f"A {number}")
    pictures._name_lines(axes)
    figure.draw_without_rendering()
    assert (axes.get_legend().get_window_extent().x0 < axes.get_window_extent().x1) == hides
