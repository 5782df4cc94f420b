"""Wiring: every message of the first gate, and who serves whom."""

from ddspcore.controls import Control
from ddspcore.wiring import ITEM, Node, wire

F0 = Control("f0_hz", "hz", lo=50, hi=2000)
MIX = Control("harmonics", "simplex", channels=60)
GAIN = Control("gain", "linear", lo=0, hi=2)
SIGNAL = Control("signal", "signal", "sample")
WHITE = Control("white", "noise", "sample")
SOURCE = Node("source", "wav", provides=(Control("audio", "signal", "sample"),))
FEATURE = Node("feature", "f0", provides=(F0,))
BACKBONE = Node("backbone", "backbone")


def synth(label, *needs, provides=SIGNAL, bind=None):
    return Node("synth", label, needs, (provides,), bind or {})


def messages(*nodes):
    return [(fault.message, *fault.hints) for fault in wire(nodes).faults]


def test_a_backbone_without_wishes_gets_every_frame_feature():
    clip = Node("feature", "mood", provides=(Control("mood", axis="clip"),))
    wires = wire([SOURCE, FEATURE, clip, BACKBONE]).of("backbone", "backbone")
    assert [w.need for w in wires] == ["f0_hz"]


def test_needs_are_served_by_name_and_noise_by_the_runner():
    head = Node("head", "h", provides=(MIX,))
    wires = wire([SOURCE, FEATURE, BACKBONE, head, synth("s", F0, MIX, WHITE)]).of("synth", "s")
    assert [(w.need, w.provider) for w in wires] == [
        ("f0_hz", "feature f0"),
        ("harmonics", "head h"),
        ("white", "runner"),
    ]


def test_the_number_of_an_item_is_the_runners_unless_the_source_has_one():
    asks = Node("backbone", "backbone", needs=("item",))
    wiring = wire([SOURCE, asks])
    (found,) = wiring.of("backbone", "backbone")
    assert (found.provider, found.control) == ("runner", ITEM)
    assert not [p for p in wire([SOURCE]).unused if p.control == ITEM]
    numbered = Node("source", "s", provides=(ITEM,))
    (found,) = wire([numbered, asks]).of("backbone", "backbone")
    assert found.provider == "source s"


def test_noise_is_as_long_as_the_data():
    mood = Control("mood", "noise", "clip", channels=3)
    assert not messages(SOURCE, synth("s", WHITE, mood))
    assert messages(SOURCE, synth("s", Control("shock", "noise", "gaussian", channels=2))) == [
        (
            "synth s needs shock[B,N,2] on gaussian noise, but neither source nor features "
            "provide anything on the axis gaussian, so nobody knows how much noise",
        )
    ]


def test_a_need_without_a_provider():
    head = Node("head", "h", provides=(Control("harmonic_mix", "simplex", channels=60),))
    assert messages(SOURCE, head, synth("s", MIX)) == [
        (
            'synth s needs harmonics[B,N,60] simplex, but nothing before it provides "harmonics"',
            'did you mean bind = { harmonics = "harmonic_mix" }, '
            "harmonic_mix[B,N,60] simplex of head h?",
        )
    ]


def test_bind_renames():
    head = Node("head", "h", provides=(Control("harmonic_mix", "simplex", channels=60),))
    bound = synth("s", MIX, bind={"harmonics": "harmonic_mix"})
    assert [w.key for w in wire([SOURCE, head, bound]).of("synth", "s")] == ["harmonic_mix"]


def test_a_unit_that_differs():
    head = Node("head", "n", provides=(GAIN,))
    assert messages(SOURCE, head, synth("s", Control("gain", "db"))) == [
        (
            "synth s needs gain[B,N,1] db, but head n provides gain[B,N,1] linear 0..2: "
            "unit linear != db",
        )
    ]


def test_a_range_that_is_too_wide():
    head = Node("head", "n", provides=(GAIN,))
    assert messages(SOURCE, head, synth("s", Control("gain", "linear", lo=0, hi=1))) == [
        (
            "synth s needs gain[B,N,1] linear 0..1, but head n provides gain[B,N,1] linear 0..2: "
            "range 0..2 exceeds 0..1",
        )
    ]


def test_a_name_provided_twice_serves_nobody_until_bind_chooses():
    heads = [Node("head", label, provides=(MIX,)) for label in ("bright", "dark")]
    assert messages(SOURCE, *heads, synth("s", MIX)) == [
        (
            'synth s needs harmonics[B,N,60] simplex, but several components provide "harmonics"',
            'bind = { harmonics = "bright.harmonics" } chooses head bright',
            'bind = { harmonics = "dark.harmonics" } chooses head dark',
        )
    ]
    chosen = synth("s", MIX, bind={"harmonics": "dark.harmonics"})
    wiring = wire([SOURCE, *heads, chosen])
    assert not wiring.faults
    assert wiring.of("synth", "s")[0].provider == "head dark"


def test_a_later_synth_may_need_the_sum_so_far():
    wiring = wire([SOURCE, synth("s"), synth("reverb", SIGNAL)])
    assert not wiring.faults
    assert wiring.of("synth", "reverb")[0].provider == "synth s"


def test_the_first_synth_has_no_sum_to_replace():
    assert messages(SOURCE, synth("reverb", SIGNAL)) == [
        (
            'synth reverb needs signal[B,T] signal, but nothing before it provides "signal"',
            "put synth reverb after the synths whose signal it replaces",
        )
    ]


def test_signals_of_one_name_must_agree():
    other = synth("b", provides=Control("signal", "linear", "sample"))
    assert messages(SOURCE, synth("a"), other) == [
        (
            "synth b makes signal[B,T] linear, but synth a makes signal[B,T] signal: "
            "unit linear != signal",
        )
    ]


def test_what_nobody_consumes_is_reported():
    head = Node("head", "h", provides=(MIX, GAIN))
    wiring = wire([FEATURE, BACKBONE, head, synth("s", MIX)])
    assert [p.control.name for p in wiring.unused] == ["gain"]
