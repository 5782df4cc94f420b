"""Two plugins that know no sound, and what the commands make of them."""

from pathlib import Path

import pytest
from attrs import frozen

from ddspcore.cli import main

HERE = Path(__file__).parent
SHORT = ("--set", "stage.A.steps=6", "--set", "metric.every=2")


@frozen
class Proof:
    """A local plugin and its recipe."""

    name: str

    @property
    def recipe(self) -> Path:
        return HERE / f"{self.name}.toml"

    @property
    def plugin(self) -> tuple[str, str]:
        return "--plugin", str(HERE / f"{self.name}.py")


@pytest.fixture(scope="session", params=["images", "sequences"])
def proof(request) -> Proof:
    return Proof(request.param)


@pytest.fixture(scope="session")
def trained(proof, tmp_path_factory) -> Path:
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp(proof.name) / "run"
    assert main(["run", str(proof.recipe), "--run-dir", str(folder), *proof.plugin]) == 0
    return folder


@pytest.fixture(scope="session")
def short(proof, tmp_path_factory) -> Path:
    """Return the folder of a finished run of a few steps."""
    folder = tmp_path_factory.mktemp(proof.name) / "short"
    command = ["run", str(proof.recipe), "--run-dir", str(folder), *proof.plugin, *SHORT]
    assert main(command) == 0
    return folder


@pytest.fixture
def proofs() -> Path:
    """Return where the plugins and their recipes are."""
    return HERE
