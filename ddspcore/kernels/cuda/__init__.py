"""The hot functions on NVIDIA GPUs, as Triton kernels."""


def missing() -> str | None:
    """Say what this machine lacks to run the backend, or None."""
    return "the Triton kernels are not installed"
