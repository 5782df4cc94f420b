"""What every evaluator of signals does: predict, compare with the target, average over batches."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import define, field
from torch import Tensor

from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, Output, Pipeline

TARGET = "audio"


@define
class Mean:
    """An average over batches in which every value counts alike; 0 if there was none."""

    total: float = 0.0
    count: int = 0

    def add(self, values: Tensor) -> None:
        """Take in every value of a tensor of any shape."""
        self.total += values.sum().item()
        self.count += values.numel()

    @property
    def value(self) -> float:
        """The average so far."""
        return self.total / self.count if self.count else 0.0


@define
class Shares:
    """Each part's share of the energy of all parts; all zero where every part is silent."""

    energies: dict[str, float] = field(factory=dict)

    def add(self, parts: Mapping[str, Tensor]) -> None:
        """Take in the signal of every part."""
        for label, part in parts.items():
            energy = part.square().sum().item()
            self.energies[label] = self.energies.get(label, 0.0) + energy

    def named(self, family: str) -> dict[str, float]:
        """Return the shares so far, as `family/label`."""
        total = sum(self.energies.values()) or 1.0
        return {f"{family}/{label}": energy / total for label, energy in self.energies.items()}


def pairs(pipeline: Pipeline, batches: Iterable[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield prediction and target of each batch, both [B,T]."""
    for batch in batches:
        yield signal_of(pipeline(batch)), batch[TARGET]


def signal_of(output: Output) -> Tensor:
    """Return the predicted signal; UserError if the recipe has no synth to make one."""
    if output.signal is None:
        raise UserError("this evaluator compares signals, but the recipe has no synth")
    return output.signal
