"""Training: one stage, the chain of stages, checkpoints, provenance, the run log."""
