"""The published draws, one by one."""

import pytest

dgen = pytest.importorskip("ddsp_dgen.randomness", reason="ddsp-dgen is not installed")


@pytest.mark.parametrize(
    ("seed", "first"),
    [
        (1, [10451216379200822465, 13757245211066428519, 17911839290282890590]),
        (1337, [13161956497586561035, 14663483216071361993, 3765287255879986010]),
    ],
)
def test_the_first_draws(seed, first):
    assert dgen.SplitMix64(seed).draws(3).tolist() == first


def test_a_stream_goes_on_where_it_was_or_where_it_is_told():
    stream = dgen.SplitMix64(5)
    drawn = [*stream.draws(3), *stream.draws(4)]
    assert drawn == list(dgen.SplitMix64(5).draws(7))
    assert drawn[2:] == list(dgen.SplitMix64(5, skip=2).draws(5))


def test_seed_zero_is_a_seed():
    # state0 is gamma, so it is one draw ahead of a stream that began at zero
    assert dgen.SplitMix64(0).draws(1)[0] == dgen.SplitMix64(dgen.GAMMA).draws(1)[0]


@pytest.mark.parametrize(
    ("seed", "order"),
    [(1, [5, 7, 9, 6, 3, 8, 2, 0, 1, 4]), (1337, [7, 8, 3, 6, 5, 1, 0, 2, 9, 4])],
)
def test_the_shuffle_of_ten(seed, order):
    assert dgen.SplitMix64(seed).shuffled(range(10)) == order


def test_an_unfair_draw_is_drawn_again(monkeypatch):
    # bound 3: 2**64 % 3 is 1, so only a draw whose product ends in 0 is unfair: draw 0
    draws = iter([0, 2**63])
    stream = dgen.SplitMix64(1)
    monkeypatch.setattr(stream, "draws", lambda count: [next(draws)])
    assert stream.below(3) == 1


def test_the_first_weights_of_the_input_projection():
    scale = 0.5 * (2 / 5) ** 0.5
    weights = dgen.SplitMix64(1).weights(5, 64, scale)
    first = [-0.0870730, 0.2678201, -0.1053224, 0.1804624]
    assert weights[0, :4].tolist() == pytest.approx(first, abs=5e-8)
    assert float(weights.abs().max()) <= scale


def test_the_noise():
    noise = dgen.xorshift_noise(16384)
    first = [6.295019e-05, 0.01574743, 0.6164041, 0.07161863, 0.5584884, 0.1735742]
    assert noise[:6].tolist() == pytest.approx(first, rel=1e-6)
    assert noise.mean() == pytest.approx(0.50249, abs=5e-6)
    assert noise.std() == pytest.approx(0.28964, abs=5e-6)
