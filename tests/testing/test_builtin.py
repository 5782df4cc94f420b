"""The built-ins pass what third parties' components must pass."""

from pathlib import Path

import ddspcore.builtin
from ddspcore.testing import conformance

VIOLIN = Path(__file__).parents[2] / "recipes" / "audio" / "violin"

test_conformance = conformance(
    ddspcore.builtin,
    options={"wav-folder": {"root": VIOLIN}, "free": {"clips": 2}, "known-tones": {"tones": 2}},
    exempt={
        "backbone-free-passes_gradients_on": "it hears nothing: of features it takes the length",
    },
)
