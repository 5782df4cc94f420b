"""Pure functions on tensors: float32, batched, on any device."""
