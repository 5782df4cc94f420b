"""The public names for whoever writes a component; importing them imports no torch."""

from ddspcore.component import (
    Component,
    OptionError,
    backbone,
    evaluator,
    feature,
    head,
    loss,
    option,
    schedule,
    source,
    synth,
)
from ddspcore.context import Context
from ddspcore.controls import Control
from ddspcore.hookspecs import hookimpl
from ddspcore.metric import Metric

__all__ = [
    "Component",
    "Context",
    "Control",
    "Metric",
    "OptionError",
    "backbone",
    "evaluator",
    "feature",
    "head",
    "hookimpl",
    "loss",
    "option",
    "schedule",
    "source",
    "synth",
]
