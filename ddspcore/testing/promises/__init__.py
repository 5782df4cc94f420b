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
)

PROMISES: dict[str, tuple[Promise, ...]] = {
    "source": sources.PROMISES,
    "feature": (*modules.PROMISES, *features.PROMISES),
    "backbone": (*modules.PROMISES, *streaming.PROMISES),
    "head": (*modules.PROMISES, *streaming.PROMISES),
    "synth": (*modules.PROMISES, *streaming.PROMISES, *synths.PROMISES),
    "loss": (*modules.PROMISES, *losses.PROMISES),
    "schedule": schedules.PROMISES,
    "evaluator": evaluators.PROMISES,
}
