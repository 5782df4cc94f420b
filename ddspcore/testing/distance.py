"""How far two results lie apart."""

from torch import Tensor


def distance(a: Tensor, b: Tensor) -> float:
    """Return the largest difference, of the largest value; infinite if the shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    scale = max(1e-6, float(b.detach().abs().max()))
    return float((a - b).detach().abs().max()) / scale
