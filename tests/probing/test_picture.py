from itertools import pairwise

import pytest
import torch
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ddspcore.probing import picture
from ddspcore.probing.gradients import Gradients, Loss, modules_of
from ddspcore.probing.picture import draw_gradients

NAMES = ("backbone.embed.weight", "head.harmonic.amplitude.weight", "synth.reverb.wet")


def gradients(count, *, dead=False):
    rows = {name: torch.randn(count, 5, dtype=torch.float64) for name in NAMES}
    if dead:
        for each in rows.values():
            each[-1] = 0.0
    losses = tuple(Loss(f"loss-{n}", 1.0, 0.5 * n) for n in range(count))
    return Gradients("A", 3, (0, 1), losses, modules_of(rows))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("count", "dead"), [(1, False), (1, True), (2, True), (3, False)])
def test_it_is_drawn_and_repeats(tmp_path, count, dead):
    found = gradients(count, dead=dead)
    pictures = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in pictures:
        draw_gradients(found, "run, A:best (step 3)", path)
    first, second = (path.read_bytes() for path in pictures)
    assert first.startswith(b"\x89PNG")
    assert len(first) > 20_000
    assert first == second


def test_the_map_shows_the_cosines():
    found = gradients(3)
    axes = Figure().subplots()
    with rc_context({}):
        picture._draw_pairs(axes, found)
    (image,) = axes.images
    wanted = [[float(m.cosines[p]) for p in ((0, 1), (0, 2), (1, 2))] for m in found.modules]
    assert image.get_array().tolist() == [pytest.approx(row) for row in wanted]
    assert image.get_clim() == (-1.0, 1.0)
    texts = [float(text.get_text().replace("\N{MINUS SIGN}", "-")) for text in axes.texts]
    assert texts == pytest.approx([v for row in wanted for v in row], abs=0.005)


def test_bars_are_the_shares():
    found = gradients(3)
    axes = Figure().subplots()
    picture._draw_shares(axes, found)
    widths = torch.tensor([bar.get_width() for bar in axes.patches]).view(3, -1).T
    wanted = torch.stack([found.share_among_losses(module) for module in found.modules])
    assert torch.allclose(widths.double(), wanted, atol=1e-6)


@pytest.mark.parametrize("least", [1e-9, 1e-3, 0.015, 0.12, 1.3])
def test_labels_of_norms_stand_apart(least):
    spread = torch.tensor([least, (1.8 * least) ** 0.5, 1.8])
    rows = {name: norm.double()[None, None] for name, norm in zip(NAMES, spread, strict=True)}
    found = Gradients("A", 3, (0,), (Loss("loss", 1.0, 1.0),), modules_of(rows))
    figure = Figure(figsize=(7.0, 4.0))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    picture._draw_norms(axes, found)
    figure.draw_without_rendering()
    ticks = [*axes.get_xticklabels(), *axes.get_xticklabels(minor=True)]
    low, high = axes.get_window_extent().intervalx
    ends = [tick.get_window_extent().intervalx for tick in ticks if tick.get_text()]
    shown = sorted(tuple(end) for end in ends if low <= sum(end) / 2 <= high)
    assert len(shown) >= 2
    assert all(left[1] < right[0] for left, right in pairwise(shown))
