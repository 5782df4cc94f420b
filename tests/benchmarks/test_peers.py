import sys

import pytest

from benchmarks import bank, peers
from benchmarks.peers import Peer, PeerMissingError
from benchmarks.setup import Setup
from benchmarks.timing import measure

PEER = Peer("some peer", "some-peer", "their_ddsp", ("package_nobody_has",))


@pytest.fixture
def checkout(tmp_path):
    package = tmp_path / "some-peer" / "their_ddsp"
    package.mkdir(parents=True)
    yield package
    for name in [name for name in sys.modules if name.startswith("peer_some_peer")]:
        del sys.modules[name]


def test_a_peer_without_a_checkout_is_missing(tmp_path):
    with pytest.raises(PeerMissingError, match="no checkout some-peer"):
        peers.load(tmp_path, PEER, "core")
    with pytest.raises(PeerMissingError, match="no --peers"):
        peers.load(None, PEER, "core")


def test_a_peer_may_import_what_is_not_installed_and_not_used(tmp_path, checkout):
    (checkout / "core.py").write_text(
        "import package_nobody_has.deep as deep\n"
        "from package_nobody_has import configurable, Base\n"
        "from .other import THREE\n"
        "@configurable\n"
        "def answer(): return THREE\n"
        "class Derived(Base): pass\n"
    )
    (checkout / "other.py").write_text("THREE = 3")
    core = peers.load(tmp_path, PEER, "core")
    assert core.answer() == 3
    assert "package_nobody_has" not in sys.modules


@pytest.mark.parametrize("text", ["import package_that_is_not_listed", "1 / 0", "not python"])
def test_a_peer_that_does_not_import_is_missing(tmp_path, checkout, text):
    (checkout / "core.py").write_text(text)
    with pytest.raises(PeerMissingError, match="does not import"):
        peers.load(tmp_path, PEER, "core")


def test_a_missing_peer_is_a_row_of_a_case():
    size = bank.Size(batch=1, samples=512, harmonics=4)
    found = measure(bank.case(Setup(), size, bank.BOTH), "cpu", rounds=1)
    assert found["plain torch"]["seconds"]
    for peer in ("ddsp_pytorch", "DDSP-SVC", "magenta/ddsp"):
        assert found[peer] == {"absent": "no --peers folder was given"}


def test_without_git_a_commit_says_so(tmp_path, checkout):
    assert peers.commit(None, PEER) == "no --peers folder was given"
    assert peers.commit(tmp_path, PEER) == "not a git checkout"
