"""What every module promises about what it is and what it leaves alone."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ddspcore.testing.distance import distance
from ddspcore.testing.generators import draws_from_global_generators, generators_at
from ddspcore.testing.promise import Unproved, demand, promise
from ddspcore.testing.promises.values import TRAINED
from ddspcore.testing.subject import Subject, copied

ACROSS_DEVICES = 1e-3
"""How far results of two devices may differ, of the largest value."""


@promise()
def is_built_with_defaults(subject: Subject) -> None:
    """Every option has a default, so that a recipe need only name the component."""
    try:
        subject.build()
    except TypeError as error:
        demand(False, f"it cannot be built with its defaults: {error}")


@promise()
def returns_finite_float32(subject: Subject) -> None:
    """Whatever it returns is float32 and finite."""
    for name, value in subject.run(subject.build(), subject.inputs()).items():
        demand(value.dtype == torch.float32, f"{name} is {value.dtype}, not float32")
        demand(value.isfinite().all(), f"{name} holds values that are not finite")


@promise()
def repeats_bit_for_bit(subject: Subject) -> None:
    """The same inputs give the same result, whatever was drawn from any generator before."""
    module, inputs = subject.build(), subject.inputs()
    results = []
    for seed in (1, 2):
        with generators_at(seed):
            results.append(subject.run(module, inputs))
    for name, first in results[0].items():
        demand(torch.equal(first, results[1][name]), f"a second call gives another {name}")


@promise()
def leaves_inputs_alone(subject: Subject) -> None:
    """It changes nothing that it is given."""
    inputs = subject.inputs()
    before = copied(inputs)
    subject.run(subject.build(), inputs)
    demand(inputs.keys() == before.keys(), "it adds to the mapping that it is given, or takes away")
    for name, value in before.items():
        demand(torch.equal(inputs[name], value), f"it changes {name} in place")


@promise()
def leaves_global_state_alone(subject: Subject) -> None:
    """Neither building nor running it changes default dtype, threads, modes or generators."""
    before = _global_state()
    try:
        module = subject.build()
        with draws_from_global_generators() as drawn:
            subject.run(module, subject.inputs())
        moved = [what for what, value in _global_state().items() if value != before[what]]
    finally:
        _restore(before)
    demand(not moved, f"it changes {', '.join(moved)} for everybody")
    demand(not drawn, f"it draws from {', '.join(drawn)}")


@promise()
def holds_no_float64(subject: Subject) -> None:
    """Its parameters and buffers are not float64, which MPS does not have."""
    for name, value in _state(subject.build()):
        demand(value.dtype != torch.float64, f"{name} is float64")


@promise()
def shares_no_parameter(subject: Subject) -> None:
    """No parameter belongs to two of its submodules: written `[layer] * 2`, they are one."""
    names: dict[int, str] = {}
    for name, parameter in subject.build().named_parameters(remove_duplicate=False):
        twin = names.setdefault(id(parameter), name)
        demand(twin == name, f"{twin} and {name} are the same parameter")


@promise(when=lambda subject: subject.component.kind in TRAINED)
def is_what_its_state_says(subject: Subject) -> None:
    """With the state of another instance it does what that one does; so does a copy."""
    inputs = subject.inputs()
    original, other = subject.build(seed=1), subject.build(seed=2)
    expected = subject.run(original, inputs)
    other.load_state_dict(original.state_dict())
    for who, module in (
        ("one that its state was loaded into", other),
        ("a copy", copy.deepcopy(original)),
    ):
        for name, value in subject.run(module, inputs).items():
            demand(torch.equal(value, expected[name]), f"{who} gives another {name}")


@promise()
def follows_to_a_device(subject: Subject) -> None:
    """Moved to another device it works there as here: no tensor of it stays behind.

    Asked of every accelerator that there is, and of `meta`, which has no values.
    """
    here = subject.run(subject.build(), subject.inputs())
    for device in ("meta", *_accelerators()):
        module = subject.build().to(device)
        inputs = {name: value.to(device) for name, value in subject.inputs().items()}
        try:
            there = subject.run(module, inputs)
        except NotImplementedError as error:
            raise Unproved(f"{device} cannot run it: {error}") from error
        except RuntimeError as error:
            if "device" not in str(error) and device not in str(error):
                raise
            line = str(error).strip().partition("\n")[0]
            demand(False, f"something of it stayed on the CPU: {line}")
        for name, value in there.items():
            demand(value.device.type == device, f"{name} is on {value.device}, its inputs are not")
            if device != "meta":
                apart = distance(value.cpu(), here[name])
                demand(apart <= ACROSS_DEVICES, f"{name} on {device} is another, by {apart:.1e}")


def _accelerators() -> list[str]:
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [device for device, there in found.items() if there]


def _state(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


_SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "determinism": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
}


def _global_state() -> dict[str, Any]:
    return {what: read() for what, (read, _) in _SWITCHES.items()}


def _restore(state: dict[str, Any]) -> None:
    for what, (_, write) in _SWITCHES.items():
        write(state[what])


PROMISES = (
    is_built_with_defaults,
    returns_finite_float32,
    repeats_bit_for_bit,
    leaves_inputs_alone,
    leaves_global_state_alone,
    holds_no_float64,
    shares_no_parameter,
    is_what_its_state_says,
    follows_to_a_device,
)
