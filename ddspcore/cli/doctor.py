"""`ddsp doctor`: what this machine offers, and what the hot functions run on."""

import json
import os
import platform
from importlib.metadata import version
from typing import Any

import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, json_option
from ddspcore.cli.tables import make_table, show


@click.command()
@json_option
@catalog_options
def doctor(catalog: Catalog, as_json: bool) -> None:
    """Say what this machine offers: devices, kernels, threads, plugins and the cache."""
    found = examine(catalog)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    facts = make_table("", "")
    facts.show_header = False
    facts.add_row("versions", ", ".join(f"{name} {v}" for name, v in found["versions"].items()))
    facts.add_row("platform", found["platform"])
    facts.add_row("threads", f"{found['threads']} of {found['cores']} cores (OMP_NUM_THREADS)")
    facts.add_row("cache", found["cache"])
    facts.add_row("plugins", _plugins(found["plugins"]))
    devices = make_table("device", "name", "kernels", "")
    for row in found["devices"]:
        devices.add_row(row["device"], row["name"], row["kernels"], row["detail"])
    show(facts, "", devices)


def examine(catalog: Catalog) -> dict[str, Any]:
    """Return what `ddsp doctor` prints, as plain values.

    Raises UserError if `DDSP_KERNELS` is none of what it can be.
    """
    import torch  # noqa: PLC0415

    from ddspcore.data.cache import default_folder  # noqa: PLC0415
    from ddspcore.kernels.backends import choose  # noqa: PLC0415
    from ddspcore.train.device import available  # noqa: PLC0415

    devices = []
    for device, name in available().items():
        choice = choose(device)
        devices.append(
            {"device": device, "name": name, "kernels": choice.kind, "detail": choice.detail}
        )
    states = [plugin.state for plugin in catalog.plugins]
    return {
        "versions": {
            "ddspcore": version("ddspcore"),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "cache": str(default_folder()),
        "plugins": {state: states.count(state) for state in dict.fromkeys(states)},
        "devices": devices,
    }


def _plugins(counts: dict[str, int]) -> str:
    listed = ", ".join(f"{count} {state}" for state, count in counts.items())
    return listed if set(counts) == {"ok"} else f"{listed}: ddsp plugins doctor"
