"""A whole pipeline streams what it renders, later by what it says."""

import functools
import gc
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ddspcore import Context, Control
from ddspcore.assemble import build_pipeline, context_of, declare
from ddspcore.catalog import Catalog
from ddspcore.errors import UserError
from ddspcore.fifo import Fifo
from ddspcore.pipeline import Pipeline
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.structuring import structure
from ddspcore.streaming import AHEAD, Stream
from ddspcore.wiring import Node, wire

SHIPPED = Path(__file__).parents[1] / "recipes" / "best_low_loss.toml"
FRAMES = 50
REVERB = ("synth=[{use='harmonic'},{use='noise'},{use='reverb', initial_gain=0.3, length=0.1}]",)
GRU = ("backbone={use='gru', width=32, layers=1}",)
ODD = ("audio.hop=100", "head=[{use='harmonic', partials=9}, {use='noise', bands=90}]")
RECIPES = {"shipped": (), "with a room": REVERB, "gru": GRU, "hop of 100": ODD}


@functools.cache
def assembled(*sets):
    recipe = structure(read(SHIPPED, sets), Catalog(discover()))
    pipeline, _ = build_pipeline(recipe, declare(recipe))
    for head in pipeline.head.values():  # a new head is so still that nothing would be proved
        for layer in (each for each in head.modules() if isinstance(each, nn.Linear)):
            nn.init.normal_(layer.weight, std=0.3)
    return pipeline.eval(), context_of(recipe)


def features(batch, frames):
    return {
        "f0_hz": 100.0 * 2.0 ** (2 * torch.rand(batch, frames, 1)),
        "voicing": torch.rand(batch, frames, 1),
        "loudness_db": -60.0 * torch.rand(batch, frames, 1),
    }


def offline(pipeline, ctx, given, seed):
    batch, frames, _ = given["f0_hz"].shape
    audio = torch.zeros(batch, (frames - 1) * ctx.ratio("sample", "frame"))
    item = torch.arange(batch)
    with torch.no_grad():
        filled = pipeline.with_noise({**given, "audio": audio, "item": item}, seed=seed)
        return pipeline(filled).signal


def pushes(given, sizes):
    """Yield the features in pieces of these many frames, over and over, until all is given."""
    at, number = 0, 0
    while at < given["f0_hz"].shape[1]:
        end = at + sizes[number % len(sizes)]
        yield {name: value[:, at:end] for name, value in given.items()}
        at, number = end, number + 1


@pytest.mark.parametrize("name", RECIPES)
@given(
    sizes=st.lists(st.sampled_from([1, 2, 3, 8, 40]), min_size=1, max_size=4),
    batch=st.integers(1, 2),
)
@settings(max_examples=6)
def test_a_stream_is_the_render(name, sizes, batch):
    pipeline, ctx = assembled(*RECIPES[name])
    given_ = features(batch, FRAMES)
    whole = offline(pipeline, ctx, given_, seed=3)
    stream = Stream(pipeline, ctx, seed=3, batch=batch)
    played = torch.cat([stream.push(piece) for piece in pushes(given_, sizes)], dim=1)
    late = stream.latency - stream.hop
    assert played.shape == whole.shape
    assert whole.abs().max() > 0.01
    assert played[:, :late].abs().max() < 1e-6
    torch.testing.assert_close(played[:, late:], whole[:, :-late], rtol=0, atol=5e-6)


def test_blocks_of_any_size_are_the_same_samples():
    pipeline, ctx = assembled(*RECIPES["hop of 100"])
    given_ = features(2, FRAMES)
    whole = offline(pipeline, ctx, given_, seed=3)
    for block in (64, 128, 256, 512, 33):
        stream, frames = Stream(pipeline, ctx, seed=3, batch=2), pushes(given_, [1])
        fifo, blocks = Fifo(2, block + stream.hop, torch.device("cpu")), []
        while True:
            while len(fifo) < block and (piece := next(frames, None)):
                fifo.write(stream.push(piece))
            if len(fifo) < block:
                break
            blocks.append(fifo.read(block).clone())
        late = stream.latency - stream.hop
        played = torch.cat(blocks, dim=1)
        assert played.shape[1] == whole.shape[1] // block * block
        expected = whole[:, : played.shape[1] - late]
        torch.testing.assert_close(played[:, late:], expected, rtol=0, atol=5e-6)


def test_it_says_how_late_it_is():
    latencies = {name: Stream(*assembled(*sets), seed=0).latency for name, sets in RECIPES.items()}
    assert latencies == {"shipped": 320, "with a room": 320, "gru": 320, "hop of 100": 189}


def test_the_noise_is_that_of_the_seed():
    pipeline, ctx = assembled(*RECIPES["shipped"])
    given_ = features(1, 20)
    one, same, other = (Stream(pipeline, ctx, seed=seed).push(given_) for seed in (1, 1, 2))
    assert one.equal(same)
    assert not one.equal(other)


def test_memory_does_not_grow():
    pipeline, ctx = assembled(*RECIPES["with a room"])
    stream, given_ = Stream(pipeline, ctx, seed=0), features(1, 1)

    def held():
        gc.collect()
        storages = {
            each.untyped_storage().data_ptr(): each.untyped_storage().nbytes()
            for each in gc.get_objects()
            if type(each) is torch.Tensor
        }
        return sum(storages.values())

    for _ in range(5 * AHEAD):  # until whatever is cached is full
        stream.push(given_)
    before = held()
    for _ in range(120):
        stream.push(given_)
    assert held() <= before


def test_missing_and_ragged_features_are_said():
    stream = Stream(*assembled(*RECIPES["shipped"]), seed=0)
    given_ = features(1, 3)
    with pytest.raises(UserError, match="needs the features f0_hz"):
        stream.push({name: value for name, value in given_.items() if name != "f0_hz"})
    with pytest.raises(UserError, match="differ in their number of new frames"):
        stream.push({**given_, "f0_hz": given_["f0_hz"][:, :2]})


@pytest.mark.parametrize("name", ["shipped", "with a room"])
def test_the_end_of_a_render_can_be_played_too(name):
    """What is held back comes with frames that bring no noise: a render has none after its end."""
    pipeline, ctx = assembled(*RECIPES[name])
    given_ = features(1, FRAMES)
    stream = Stream(pipeline, ctx, seed=3)
    late = stream.latency - stream.hop
    last = {name: x[:, -1:].expand(-1, -(-late // stream.hop), -1) for name, x in given_.items()}
    played = torch.cat([stream.push(given_), stream.push(last, noise=False)], dim=1)
    whole = offline(pipeline, ctx, given_, seed=3)
    end = late + whole.shape[1]
    torch.testing.assert_close(played[:, late:end], whole, rtol=0, atol=5e-6)


def test_what_is_predicted_elsewhere_can_be_played():
    pipeline, ctx = assembled("backbone.causal=false")
    given_ = features(1, FRAMES)
    with torch.no_grad():
        controls = given_ | pipeline.predict(given_)
    stream = Stream(pipeline, ctx, seed=3, predicted=True)
    pieces = pushes(controls, [8])
    played = torch.cat([stream.push(piece) for piece in pieces], dim=1)
    late = stream.latency - stream.hop
    whole = offline(pipeline, ctx, given_, seed=3)
    torch.testing.assert_close(played[:, late:], whole[:, :-late], rtol=0, atol=5e-6)


def test_what_cannot_stream_is_named_with_the_reason():
    pipeline, ctx = assembled("backbone.causal=false")
    with pytest.raises(UserError, match="backbone cannot stream: it hears later frames"):
        Stream(pipeline, ctx, seed=0)


HOP = 4
TINY = Context({"sample": 400.0, "frame": 100.0})
LEVEL = Control("level")
DICE = Control("dice", unit="noise", channels=3)
SOUND = Control("sound", unit="signal", axis="sample")


class Held(nn.Module):
    """Each hop holds the level of the frame that ends it, and a number drawn for that frame."""

    def forward(self, controls):
        heights = controls["level"] + controls["dice"].sum(-1, keepdim=True)
        return heights[:, 1:, 0].repeat_interleave(HOP, dim=1)


class Stepping(Held):
    """The same, which can step."""

    def initial_state(self, batch, device):
        return torch.zeros(batch, 0, 1)

    def step(self, controls, past):
        kept = {name: value[:, -1:] for name, value in controls.items()}
        if isinstance(past, dict):
            controls = {name: torch.cat([past[name], v], dim=1) for name, v in controls.items()}
        return self(controls), kept


class Late(Stepping):
    """The same, which declares that it hears ahead."""

    def latency(self, served):
        assert served["level"] == LEVEL
        return 3


def pipeline_of(synths, needs=(LEVEL, DICE)):
    nodes = [Node("source", "toy", provides=(LEVEL,))]
    nodes += [Node("synth", label, needs, (SOUND,)) for label in synths]
    return Pipeline(wire(nodes), None, {}, synths)


def test_noise_on_frames_is_that_of_the_render_too():
    pipeline = pipeline_of({"a": Stepping()})
    level = torch.rand(2, 40, 1)
    whole = pipeline(pipeline.with_noise({"level": level, "item": torch.arange(2)}, seed=5)).signal
    stream = Stream(pipeline, TINY, seed=5, batch=2)
    played = torch.cat([stream.push({"level": part}) for part in level.split(3, dim=1)], dim=1)
    assert played.equal(whole)


def test_synths_are_held_back_for_the_latest_of_them():
    pipeline = pipeline_of({"a": Stepping(), "late": Late(), "b": Stepping()})
    stream = Stream(pipeline, TINY, seed=5)
    level = torch.rand(1, 40, 1)
    filled = pipeline.with_noise({"level": level, "item": torch.arange(1)}, seed=5)
    parts = pipeline(filled).parts
    played = torch.cat([stream.push({"level": part}) for part in level.split(1, dim=1)], dim=1)
    assert stream.latency == HOP + 3
    held = nn.functional.pad(parts["a"] + parts["b"], (3, -3))
    torch.testing.assert_close(played, held + parts["late"])


def test_a_synth_without_a_step_is_named():
    with pytest.raises(UserError, match="synth a cannot stream: Held has no step"):
        Stream(pipeline_of({"a": Held()}), TINY, seed=0)


def test_a_late_signal_beside_what_is_not_is_refused():
    nodes = [
        Node("source", "toy", provides=(LEVEL,)),
        Node("synth", "late", (LEVEL, DICE), (SOUND,)),
        Node("synth", "after", (LEVEL, SOUND), (SOUND,)),
    ]
    pipeline = Pipeline(wire(nodes), None, {}, {"late": Late(), "after": Stepping()})
    with pytest.raises(UserError, match=r"synth after cannot stream: .* late by .* samples, 0, 3"):
        Stream(pipeline, TINY, seed=0)


def test_without_a_synth_there_is_nothing_to_stream():
    with pytest.raises(UserError, match="no synth"):
        Stream(pipeline_of({}), TINY, seed=0)
