"""What plugins and recipes may rely on, against `docs/api-v1.txt`: a change is a visible diff.

    DDSP_REWRITE_GOLDEN=1 python -m pytest tests/test_api_frozen.py

writes the file anew. Within a version of the API, lines are added; none is changed or goes.
"""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

import ddspcore
import ddspcore.testing
from ddspcore import Context, Control, Metric, hookspecs
from ddspcore.contracts import CONTRACTS, LOSS_INPUTS, RECIPE_KEYS, STREAMABLE, STREAMING
from ddspcore.recipe import schema
from ddspcore.recipe.components import written_options
from ddspcore.recipe.structuring import VOCABULARY
from ddspcore.testing import Setting
from ddspcore.train.events import LogRecord, RunInfo, StageResult

FILE = Path(__file__).parents[1] / "docs" / "api-v1.txt"
VALUES = (Context, Control, Metric, Setting, RunInfo, LogRecord, StageResult)
TABLES: dict[str, tuple[type, tuple[str, ...]]] = {
    "audio": (schema.Audio, ()),
    "data, feature, backbone, head or evaluator": (schema.Use, ("use",)),
    "synth": (schema.SynthUse, ("use",)),
    "metric": (schema.MetricUse, ("use",)),
    "optimiser": (schema.Optimiser, ()),
    "guards": (schema.Guards, ()),
    "gate": (schema.Gate, ()),
    "stage": (schema.Stage, ("loss",)),
    "stage.loss": (schema.LossUse, ("use",)),
}


def surface() -> Iterator[str]:
    """Yield a line for everything that is public, section by section."""
    yield "# The public surface of ddspcore, version 1. Written by tests/test_api_frozen.py."
    yield "\n# Entry-point groups"
    yield from (hookspecs.GROUP, hookspecs.RECIPE_GROUP)
    for module in (ddspcore, ddspcore.testing):
        yield f"\n# {module.__name__}"
        yield from map(_spelled, sorted(module.__all__), [module] * len(module.__all__))
    yield "\n# Hooks"
    for name, hook in vars(hookspecs).items():
        if name.startswith("ddsp_"):
            yield f"{name}({', '.join(inspect.signature(hook).parameters)})"
    yield "\n# Fields of values"
    for value in VALUES:
        yield f"{value.__name__}: {', '.join(map(_field, attrs.fields(value)))}"
    yield "\n# What each kind's constructor may ask for; its methods; what it declares, or may"
    for kind, contract in CONTRACTS.items():
        parts = (contract.constructor, contract.methods, contract.declares, contract.may_declare)
        yield f"{kind}: {'; '.join(', '.join(part) for part in parts if part)}"
    yield f"a loss's forward: {', '.join(LOSS_INPUTS)}"
    yield "a schedule: __call__(step, total), example()"
    yield f"{', '.join(STREAMABLE)}, to stream: {', '.join(STREAMING)}"
    yield "\n# Recipes"
    yield f"a recipe: {', '.join(VOCABULARY)}"
    for name, (table, more) in TABLES.items():
        names = (*more, *(attribute.name for attribute in written_options(table)))
        yield f"{name}: {', '.join(names)}"
    yield f"never an option's name: {', '.join(RECIPE_KEYS)}"


def _spelled(name: str, module: Any) -> str:
    thing = getattr(module, name)
    if not inspect.isfunction(thing):
        return name
    shown = []
    for parameter in inspect.signature(thing).parameters.values():
        optional = "" if parameter.default is parameter.empty else "=..."
        shown.append(f"{parameter.name}{optional}")
    return f"{name}({', '.join(shown)})"


def _field(attribute: Any) -> str:
    return attribute.name if attribute.default is attrs.NOTHING else f"{attribute.name}=..."


def test_the_public_surface_is_what_it_was():
    text = "\n".join(surface()) + "\n"
    if os.environ.get("DDSP_REWRITE_GOLDEN"):
        FILE.write_text(text, encoding="utf-8")
    assert text.splitlines() == FILE.read_text(encoding="utf-8").splitlines()
