"""Compile every Triton program for a GPU, without one, and print what each takes as JSON.

Usage: python lowering.py CAPABILITY, where 90 is Hopper. Not for a process that interprets.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ddspcore.kernels.cuda.programs import bank, frames, phases, spectra, white

BANK = {"HOP": 160, "NYQUIST": 8000.0}
FRAMES = {"WINDOW": 2048, "HOP": 512, "BLOCK": 1024}
PROGRAMS = {  # a program, its constants, and its warps
    "begin_hops": (phases.begin_hops, {"HOP": 160, "RATE": 16_000, "BLOCK": 1024}, 4),
    "begin_hops from 0": (
        phases.begin_hops,
        {"HOP": 160, "RATE": 16_000, "BLOCK": 1024, "start": None},
        4,
    ),
    "weigh_hop": (phases.weigh_hop, {"HOP": 160, "BLOCK": 256}, 2),
    "gather_f0": (phases.gather_f0, {"HOP": 160, "RATE": 16_000, "BLOCK": 1024}, 4),
    "sound_hop": (bank.sound_hop, {**BANK, "STEPS": 8, "BLOCK": 128}, 1),
    "sound_hop alone": (bank.sound_hop, {**BANK, "STEPS": 8, "BLOCK": 128, "slopes": None}, 1),
    "share_hop": (bank.share_hop, {**BANK, "STEPS": 4, "BLOCK": 256}, 1),
    "gather_shares": (bank.gather_shares, {"BLOCK": 128}, 4),
    "cut_frames": (frames.cut_frames, {**FRAMES, "REFLECTED": True}, 4),
    "cut_frames plain": (frames.cut_frames, {**FRAMES, "REFLECTED": False, "weights": None}, 4),
    "add_frames": (frames.add_frames, {**FRAMES, "REFLECTED": True, "ADDED": True}, 4),
    "compare_spectra": (
        spectra.compare_spectra,
        {"BINS": 1025, "GRADIENT": True, "BLOCK": 1024},
        4,
    ),
    "hash_counters": (white.hash_counters, {"BLOCK": 1024}, 4),
}
# Triton makes a constant of an argument that is 1.
PROGRAMS |= {
    f"{name} of one": (program, {**constants, **dict.fromkeys(ones.split(), 1)}, warps)
    for name, ones in [
        ("begin_hops", "hops"),
        ("gather_f0", "hops"),
        ("sound_hop", "hops harmonics"),
        ("share_hop", "hops harmonics"),
        ("gather_shares", "hops harmonics blocks"),
        ("cut_frames", "length count before"),
        ("add_frames", "length count before"),
        ("compare_spectra", "total"),
        ("hash_counters", "samples"),
    ]
    for program, constants, warps in [PROGRAMS[name]]
}
TYPES = {
    **dict.fromkeys(("motions", "start", "items"), "*i64"),
    **dict.fromkeys(("hops", "harmonics", "blocks", "length", "count", "before", "total"), "i32"),
    **dict.fromkeys(("samples", "low", "high", "offset"), "i32"),
    **dict.fromkeys(("linear", "log", "log_eps", "scale"), "fp32"),
}


def lower(program: triton.JITFunction, constants: dict, warps: int, capability: int) -> Path:
    """Return the path of a program's machine code."""
    types = {
        name: "constexpr" if name in constants else TYPES.get(name, "*fp32")
        for name in program.arg_names
    }
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(program.arg_names)
        if types[name].startswith("*")
    }
    values = {(program.arg_names.index(name),): value for name, value in constants.items()}
    compiled = triton.compile(
        ASTSource(program, types, values, aligned),
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": warps},
    )
    return next(Path(path) for path in compiled.metadata_group.values() if path.endswith("cubin"))


def usage(cubin: Path) -> dict[str, int]:
    """Return a thread's registers, and the bytes of stack and local memory where these spill."""
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    command = [tool, "--dump-resource-usage", cubin]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {key: int(value) for key, value in re.findall(r"(REG|STACK|LOCAL):(\d+)", text)}


if __name__ == "__main__":
    capability = int(sys.argv[1])
    print(json.dumps({n: usage(lower(*p, capability)) for n, p in PROGRAMS.items()}))
