"""A file that is compressed with Zstandard (RFC 8878), read as what is in it.

The library's own stream takes a file that was cut off for a whole one; this one does not.
"""

import io

import zstandard

MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
_CHUNK_BYTES = 4096  # of the file: a block of four bytes may be 128 KiB unpacked


class ZstdFile(io.RawIOBase):
    """The frames of a file, one after the other. EOFError: the last one was cut off."""

    def __init__(self, below: io.BufferedReader) -> None:
        self._below = below
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._left = b""

    def readable(self) -> bool:
        """It is read only."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """The next bytes; 0 at the end. ZstdError: they are damaged."""
        while not self._left:
            packed = self._frame.unused_data if self._frame.eof else b""
            packed = packed or self._below.read(_CHUNK_BYTES)
            if not packed:
                if self._begun and not self._frame.eof:
                    raise EOFError("cut off")
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._begun = True
            self._left = self._frame.decompress(packed)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
