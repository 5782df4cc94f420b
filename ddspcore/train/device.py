"""Which device a run uses, and how many threads."""

import torch
from attrs import frozen

from ddspcore.errors import UserError


@frozen
class DeviceChoice:
    """The device that was asked for, the one that is used, and its name."""

    asked: str
    used: str
    name: str

    @property
    def torch(self) -> torch.device:
        """The device as torch spells it."""
        return torch.device(self.used)


def choose_device(asked: str) -> DeviceChoice:
    """Resolve `auto|cpu|cuda|mps`; auto takes the first of cuda, mps, cpu that is there.

    Raises UserError if the device asked for is not available.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    used = next(name for name, there in available.items() if there) if asked == "auto" else asked
    if not available[used]:
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise UserError(f'the device "{asked}" is not available here; available: {there}')
    name = torch.cuda.get_device_name() if used == "cuda" else used
    return DeviceChoice(asked, used, name)
