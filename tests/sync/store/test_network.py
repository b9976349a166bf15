"""A database does not lie where locks are not kept: which file systems those are."""

from pathlib import Path

import pytest

from journal.layout import Layout
from sync.errors import StoreError
from sync.store import connection, file_systems
from sync.store.file_systems import network_file_system

LOCAL = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 27 0:30 / /run/user rw,nosuid shared:5 master:2 - tmpfs tmpfs rw
"""
MOUNT = "40 27 0:44 / {point} rw,relatime shared:9 - {kind} server:/export rw,vers=4.2\n"


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "afs", "ceph", "fuse.glusterfs"]
)
def test_a_network_file_system_is_named(kind: str) -> None:
    mounts = LOCAL + MOUNT.format(point="/home", kind=kind)
    assert network_file_system(Path("/home/me/.agent-journal"), mounts) == kind
    assert network_file_system(Path("/home"), mounts) == kind
    assert network_file_system(Path("/homes/me"), mounts) is None
    assert network_file_system(Path("/"), mounts) is None


@pytest.mark.parametrize("kind", ["ext4", "overlay", "9p", "virtiofs", "tmpfs", "zfs", "fuse.x"])
def test_a_file_system_of_one_kernel_will_do(kind: str) -> None:
    mounts = LOCAL.replace("ext4", kind)
    assert network_file_system(Path("/home/me/.agent-journal"), mounts) is None


def test_the_innermost_mount_counts_and_of_two_the_last() -> None:
    mounts = LOCAL + MOUNT.format(point="/home", kind="nfs")
    inner = mounts + MOUNT.format(point="/home/me", kind="ext4")
    assert network_file_system(Path("/home/me/x"), inner) is None
    assert network_file_system(Path("/home/you/x"), inner) == "nfs"
    over = mounts + MOUNT.format(point="/home", kind="xfs")
    assert network_file_system(Path("/home/me/x"), over) is None


def test_a_network_root_and_strange_names_are_understood() -> None:
    root = MOUNT.format(point="/", kind="nfs4")
    assert network_file_system(Path("/anything"), root) == "nfs4"
    spaced = LOCAL + MOUNT.format(point=r"/mnt/my\040files\134x", kind="cifs")
    assert network_file_system(Path("/mnt/my files\\x/home"), spaced) == "cifs"


@pytest.mark.parametrize("mounts", ["", "\n\n", "garbage", "1 2 3 - nfs", "1 2 3 4 /home - \n"])
def test_a_table_of_mounts_without_an_answer_refuses_no_home(mounts: str) -> None:
    assert network_file_system(Path("/home/me"), mounts) is None


def test_a_system_without_the_table_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "none")
    assert network_file_system(tmp_path) is None


def test_a_home_on_a_network_is_refused_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(LOCAL + MOUNT.format(point=tmp_path, kind="nfs"))
    monkeypatch.setattr(file_systems, "_MOUNTS", table)
    with pytest.raises(StoreError, match=r"lies on a network file system \(nfs\)") as caught:
        connection.open_store(Layout.at(tmp_path / "home"))
    assert caught.value.hint == "choose a --home on a local disk"
    assert not (tmp_path / "home/journal.db").exists()
