"""Lines of compressed files: all of them, and no damaged file is taken for a whole one."""

import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from chance import examples
from sync.ingest.foreign_lines import UnreadableError, lines


def read(path: Path) -> list[bytes]:
    return [line.data for line in lines(path)]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.binary(max_size=40).map(lambda b: b"{" + b.replace(b"\n", b"")), max_size=40))
def test_compressed_lines_are_the_lines(
    tmp_path_factory: pytest.TempPathFactory, held: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "x"
    data = b"".join(line + b"\n" for line in held)
    half = len(data) // 2
    frames = [zstandard.compress(part) for part in (data[:half], data[half:])]
    for packed in (data, gzip.compress(data), zstandard.compress(data), b"".join(frames)):
        path.write_bytes(packed)
        assert read(path) == held


def test_a_file_that_was_cut_off_or_damaged_says_so_behind_its_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.zst"
    held = [b'{"a":%d}' % number for number in range(100_000)]
    packed = zstandard.compress(b"\n".join(held))
    for damaged in (packed[:-7], packed[:20], packed + b"garbage", packed[:900] + packed[907:]):
        path.write_bytes(damaged)
        got: list[bytes] = []
        with pytest.raises(UnreadableError):
            got.extend(line.data for line in lines(path))
        assert got[:-1] == held[: len(got[:-1])]
