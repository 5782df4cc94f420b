"""The promises of each kind."""

from ddspcore.testing.promise import Promise
from ddspcore.testing.promises import losses, modules, schedules, streaming, synths

PROMISES: dict[str, tuple[Promise, ...]] = {
    "feature": modules.PROMISES,
    "backbone": (*modules.PROMISES, *streaming.PROMISES),
    "head": (*modules.PROMISES, *streaming.PROMISES),
    "synth": (*modules.PROMISES, *streaming.PROMISES, *synths.PROMISES),
    "loss": (*modules.PROMISES, *losses.PROMISES),
    "schedule": schedules.PROMISES,
}
