"""The options that every process of a session is given."""

import argparse
from pathlib import Path

import torch

from benchmarks.setup import Setup

QUICK_ROUNDS, ROUNDS = 2, 7


def add_setup_options(parser: argparse.ArgumentParser) -> None:
    """Add what a setup consists of."""
    add = parser.add_argument
    add("--peers", type=Path, help="folder of checkouts: ddsp_pytorch, DDSP-SVC, auraloss, ddsp")
    add("--tensorflow", type=Path, help="Python of an environment with TensorFlow, for ddsp")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to measure (cpu)")
    add("--threads", type=int, default=2, help="CPU threads (2)")
    add("--rounds", type=int, help=f"turns of every contender ({ROUNDS})")
    add("--quick", action="store_true", help="try the harness: sizes and rounds that prove nothing")


def setup_of(given: argparse.Namespace) -> Setup:
    """Return the setup, and set torch up for it."""
    torch.set_num_threads(given.threads)
    return Setup(
        device=given.device,
        threads=given.threads,
        rounds=given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS),
        quick=given.quick,
        peers=given.peers and given.peers.resolve(),
        tensorflow=given.tensorflow and given.tensorflow.absolute(),
    )


def setup_options(setup: Setup) -> list[str]:
    """Return the options that `setup_of` makes this setup of."""
    options = ["--device", setup.device, "--threads", str(setup.threads)]
    options += ["--rounds", str(setup.rounds)]
    options += ["--quick"] * setup.quick
    for name, path in (("--peers", setup.peers), ("--tensorflow", setup.tensorflow)):
        options += [name, str(path)] if path else []
    return options
