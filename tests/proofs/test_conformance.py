"""Pictures and sequences keep the promises that sound keeps, in settings of their own."""

from pathlib import Path

from ddspcore import Context, Control
from ddspcore.plugins import find, load
from ddspcore.testing import Setting, conformance

HERE = Path(__file__).parent

PICTURES = Setting(
    ctx=Context(),
    signal=Control("image", axis="pixel", channels=3, lo=0, hi=1),
    features=(
        Control("image", axis="pixel", channels=3, lo=0, hi=1),
        Control("place", unit="ratio", axis="pixel", channels=2, lo=0, hi=1),
    ),
    recipe=HERE / "images.toml",
    lengths={"pixel": 64, "patch": 4, "gaussian": 4},
    hidden=Control("hidden", axis="patch", channels=16),
)
TURNS = Control("vector", axis="turn", channels=2)
SEQUENCES = Setting(ctx=Context(), signal=TURNS, features=(TURNS,), recipe=HERE / "sequences.toml")


def module(name):
    return next(load(p) for p in find(local=[HERE / f"{name}.py"]) if p.name == name).module


test_pictures = conformance(module("images"), setting=PICTURES)
test_sequences = conformance(module("sequences"), setting=SEQUENCES)
