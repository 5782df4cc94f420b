"""A component that steps says what it says of the whole, however its frames are cut."""

import math

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import Context, Control
from ddspcore.builtin import heads
from ddspcore.builtin.backbones import Gru, Mlp, Transformer
from ddspcore.builtin.convolutions import Tcn
from ddspcore.builtin.synths import Harmonic, Noise, Reverb
from ddspcore.errors import UserError
from ddspcore.kernels import harmonic_bank

RATE, HOP = 16_000, 64
CPU = torch.device("cpu")
CTX = Context({"sample": float(RATE), "frame": RATE / HOP})
INPUTS = (Control("f0_hz", "hz", lo=30.0, hi=2000.0), Control("loudness_db", "db"))
FRAMES = 40
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def features(batch, frames):
    return {
        "f0_hz": 100.0 * 2.0 ** (3 * torch.rand(batch, frames, 1)),
        "loudness_db": -60.0 * torch.rand(batch, frames, 1),
    }


def tone(batch, frames, partials=20):
    return {
        "f0_hz": 50.0 * 2.0 ** (7 * torch.rand(batch, frames, 1)),
        "harmonic_amplitude": torch.rand(batch, frames, 1),
        "harmonic_distribution": torch.rand(batch, frames, partials).softmax(-1),
    }


def hiss(batch, frames, bands):
    return {
        "noise_magnitudes": torch.rand(batch, frames, bands),
        "white": 2 * torch.rand(batch, (frames - 1) * HOP) - 1,
    }


def pieces(values, sizes):
    """Yield new frames of everything, and the samples that belong to them, until all is given."""
    frames = max(v.shape[1] for v in values.values() if v.dim() == 3) if values else 0
    at, number = 0, 0
    while at < frames:
        end = min(at + sizes[number % len(sizes)], frames)
        samples = slice(max(at - 1, 0) * HOP, (end - 1) * HOP)
        yield {name: v[:, at:end] if v.dim() == 3 else v[:, samples] for name, v in values.items()}
        at, number = end, number + 1


def streamed(module, values, sizes, batch):
    """Return everything that the steps say, and the last state."""
    state, said = module.initial_state(batch, CPU), []
    with torch.inference_mode():
        for piece in pieces(values, sizes):
            one, state = module.step(piece, state)
            said.append(one)
    return torch.cat(said, dim=1), state


def numbers_in(state):
    """Count the numbers that a state holds, in memory that its tensors keep alive."""
    if isinstance(state, torch.Tensor):
        return state.untyped_storage().nbytes() // state.element_size()
    if isinstance(state, dict):
        return sum(map(numbers_in, state.values()))
    parts = attrs.astuple(state, recurse=False) if attrs.has(type(state)) else state
    if hasattr(parts, "__dict__"):
        parts = tuple(vars(parts).values())
    return sum(map(numbers_in, parts)) if isinstance(parts, (tuple, list)) else 0


def backbone(kind, **options):
    torch.manual_seed(1)
    return kind(kind.Options(**options), CTX, INPUTS).eval()


BACKBONES = {
    "mlp": lambda: backbone(Mlp, width=16),
    "gru": lambda: backbone(Gru, width=16, layers=1),
    "transformer": lambda: backbone(Transformer, width=16, heads=2, span=7),
    "transformer of one frame": lambda: backbone(Transformer, width=16, heads=2, span=1),
    "absolute": lambda: backbone(Transformer, width=16, heads=2, span=7, position="absolute"),
    "tcn": lambda: backbone(Tcn, width=16, taps=4),
    "no position": lambda: backbone(Transformer, width=16, heads=2, span=7, position="none"),
}


@pytest.mark.parametrize("name", BACKBONES)
@given(sizes=cuts, batch=st.integers(1, 3))
@settings(max_examples=10)
def test_backbones_step_as_they_run(name, sizes, batch):
    module, given_ = BACKBONES[name](), features(batch, FRAMES)
    said, _ = streamed(module, given_, sizes, batch)
    with torch.no_grad():
        torch.testing.assert_close(said, module(given_), rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", BACKBONES)
def test_what_a_backbone_keeps_does_not_grow(name):
    sizes = [
        numbers_in(streamed(BACKBONES[name](), features(1, frames), [1], 1)[1])
        for frames in (20, 200)
    ]
    assert sizes[0] == sizes[1]


def test_a_transformer_that_hears_ahead_says_why_it_cannot_step():
    module = backbone(Transformer, width=16, heads=2, causal=False)
    with pytest.raises(UserError, match="hears later frames; train it with causal = true"):
        module.initial_state(1, CPU)


@pytest.mark.parametrize("kind", [heads.Harmonic, heads.Noise])
def test_a_head_steps_as_it_runs(kind):
    head = kind(kind.Options(), CTX, width=16)
    hidden = 9.0 * torch.randn(2, 5, 16)
    with torch.no_grad():
        whole = head(hidden)
        said, _ = head.step(hidden, head.initial_state(2, CPU))
    assert said.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(said[name], value)


@given(sizes=cuts, batch=st.integers(1, 3))
@settings(max_examples=20)
def test_a_tone_goes_on_where_it_was(sizes, batch):
    module, controls = Harmonic(Harmonic.Options(), CTX), tone(batch, FRAMES)
    said, _ = streamed(module, controls, sizes, batch)
    assert said.shape == (batch, (FRAMES - 1) * HOP)
    torch.testing.assert_close(said, module(controls), rtol=0, atol=1e-6)


@pytest.mark.parametrize("where", ["reference", "auto"])
def test_a_tone_goes_on_from_any_phase(where, monkeypatch):
    monkeypatch.setenv("DDSP_KERNELS", where)
    module, controls = Harmonic(Harmonic.Options(), CTX), tone(1, 3)
    state = module.initial_state(1, CPU)
    state.phases = [2 * RATE * 12_345_678]
    said, _ = module.step(controls, state)
    f0_hz, amplitudes = module._partials(controls)
    turns = 12_345_678 / 2**24 * torch.arange(1, 21, dtype=torch.float64)
    first = (amplitudes[0, 0].double() * torch.sin(2 * math.pi * turns)).sum()
    assert said[0, 0].item() == pytest.approx(first.item(), abs=1e-5)
    start = torch.tensor([2 * RATE * 12_345_678])
    torch.testing.assert_close(said, harmonic_bank(f0_hz, amplitudes, HOP, RATE, start))


@given(sizes=cuts, batch=st.integers(1, 3), bands=st.sampled_from([2, 17, 33, 65, 140]))
@settings(max_examples=30)
def test_noise_is_filtered_as_if_all_were_known(sizes, batch, bands):
    """Filters up to twice as long as a hop, which hear several hops ahead."""
    module, controls = Noise(Noise.Options(), CTX), hiss(batch, FRAMES, bands)
    late = module.latency({"noise_magnitudes": Control("noise_magnitudes", channels=bands)})
    assert late == bands - 1
    said, _ = streamed(module, controls, sizes, batch)
    assert not said[:, :late].any()
    whole = module(controls)
    torch.testing.assert_close(said[:, late:], whole[:, : whole.shape[1] - late], rtol=0, atol=5e-6)


WEIGHTS = st.lists(st.floats(0.1, 1.0), min_size=1, max_size=7).filter(lambda w: len(w) % 2)


@given(sizes=cuts, batch=st.integers(1, 3), weights=WEIGHTS)
@settings(max_examples=30)
def test_smoothed_controls_are_played_when_their_neighbours_have_come(sizes, batch, weights):
    synths = (Harmonic, tone(batch, FRAMES)), (Noise, hiss(batch, FRAMES, 17))
    for kind, controls in synths:
        module = kind(kind.Options(smoothing=tuple(weights)), CTX)
        served = {"noise_magnitudes": Control("noise_magnitudes", channels=17)}
        late = module.latency(served)
        assert late == len(weights) // 2 * HOP + (16 if kind is Noise else 0)
        said, _ = streamed(module, controls, sizes, batch)
        whole = module(controls)
        assert said.shape == whole.shape
        assert not said[:, :late].any()
        end = whole.shape[1] - late
        torch.testing.assert_close(said[:, late:], whole[:, :end], rtol=0, atol=5e-6)


@given(sizes=cuts, batch=st.integers(1, 3), hops=st.floats(0.3, 9.0))
@settings(max_examples=20)
def test_a_room_rings_on(sizes, batch, hops):
    room = Reverb(Reverb.Options(length=hops * HOP / RATE, initial_gain=0.5), CTX)
    frames = torch.zeros(batch, FRAMES, 1)
    dry = 2 * torch.rand(batch, (FRAMES - 1) * HOP) - 1
    said, _ = streamed(room, {"frames": frames, "signal": dry}, sizes, batch)
    with torch.no_grad():
        torch.testing.assert_close(said, room({"signal": dry}), rtol=0, atol=5e-6)


def test_silence_stays_silence():
    still = {name: torch.zeros_like(value) for name, value in tone(1, FRAMES).items()}
    still["f0_hz"] += 100.0
    assert not streamed(Harmonic(Harmonic.Options(), CTX), still, [1], 1)[0].any()
    controls = hiss(1, FRAMES, 9)
    controls["noise_magnitudes"].zero_()
    assert not streamed(Noise(Noise.Options(), CTX), controls, [1], 1)[0].any()
    room = Reverb(Reverb.Options(), CTX)
    nothing = {"frames": torch.zeros(1, FRAMES, 1), "signal": torch.zeros(1, (FRAMES - 1) * HOP)}
    assert not streamed(room, nothing, [3], 1)[0].any()


def test_what_a_synth_keeps_does_not_grow():
    def kept(module, make, *more):
        return [
            numbers_in(streamed(module, make(1, frames, *more), [1], 1)[1]) for frames in (20, 200)
        ]

    for sizes in (
        kept(Harmonic(Harmonic.Options(), CTX), tone),
        kept(Noise(Noise.Options(), CTX), hiss, 65),
        kept(Harmonic(Harmonic.Options(smoothing=(1.0, 1.0, 1.0)), CTX), tone),
        kept(Noise(Noise.Options(smoothing=(1.0, 1.0, 1.0)), CTX), hiss, 65),
    ):
        assert sizes[0] == sizes[1]
