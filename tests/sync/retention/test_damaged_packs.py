"""Damaged packs: what is before the damage is read, and the day stays."""

import gzip
from pathlib import Path

import pytest

from journal.layout import Layout
from sync.retention import packing
from sync.retention.pack_file import DamagedPackError
from tests.sync.retention.test_pack import DAY, FILE, pack_file, packed, prompt_line, sync, write


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "changed":
        middle = len(data) - 6  # the checksum at the end shows it
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    elif how == "no gzip":
        path.write_bytes(b"hello\n")
    else:
        path.write_bytes(gzip.compress(gzip.decompress(data)[:-5]))


DAMAGES = ["cut off", "changed", "no gzip", "torn"]


@pytest.mark.parametrize("how", DAMAGES)
def test_of_a_damaged_pack_the_lines_before_the_damage_are_read_and_of_others_all(
    tmp_path: Path, how: str
) -> None:
    other = "2026-11-17"
    write(tmp_path, *(prompt_line(number, text="x" * 20000) for number in range(20)))
    write(tmp_path, prompt_line(99), name=f"{other}/claude-code.s.jsonl")
    sync(tmp_path)
    whole = packed(tmp_path)
    damage(pack_file(tmp_path), how)
    damage(pack_file(tmp_path, other), "no gzip")
    read: list[bytes] = []
    with pytest.raises(DamagedPackError) as caught:
        read.extend(line for _, line in packing.packed_records(Layout.at(tmp_path)))
    assert read == whole[1 : len(read) + 1]
    assert str(pack_file(tmp_path)) in str(caught.value)
    assert str(pack_file(tmp_path, other)) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(read) == {"cut off": len(read), "changed": 20, "no gzip": 0, "torn": 19}[how]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_day_whose_pack_is_damaged_stays_until_the_pack_is_repaired(
    tmp_path: Path, how: str
) -> None:
    write(tmp_path, prompt_line(1))
    sync(tmp_path)
    good = pack_file(tmp_path).read_bytes()
    damage(pack_file(tmp_path), how)
    bad = pack_file(tmp_path).read_bytes()
    write(tmp_path, prompt_line(2))
    (reason,) = sync(tmp_path).packed.kept
    assert DAY in reason
    assert str(pack_file(tmp_path)) in reason
    assert (tmp_path / "days" / FILE).exists()
    assert pack_file(tmp_path).read_bytes() == bad
    pack_file(tmp_path).write_bytes(good)
    assert sync(tmp_path).packed.days == (DAY,)
    assert len(packed(tmp_path)) == 2
