"""The promises of each kind."""

from ddspcore.testing.promise import Promise
from ddspcore.testing.promises import (
    evaluators,
    features,
    losses,
    modules,
    schedules,
    sources,
    streaming,
    synths,
    values,
)

MODULE = (*modules.PROMISES, *values.PROMISES)

PROMISES: dict[str, tuple[Promise, ...]] = {
    "source": sources.PROMISES,
    "feature": (*MODULE, *features.PROMISES),
    "backbone": (*MODULE, *streaming.PROMISES),
    "head": (*MODULE, *streaming.PROMISES),
    "synth": (*MODULE, *streaming.PROMISES, *synths.PROMISES),
    "loss": (*MODULE, *losses.PROMISES),
    "schedule": schedules.PROMISES,
    "evaluator": evaluators.PROMISES,
}
