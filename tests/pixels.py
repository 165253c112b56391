"""Pixels and colour profiles that tests put into image files."""

import struct
import zlib

import numpy as np

from dst import imaging

SIZE = (50, 40)
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])


def eight(pixels):
    return np.rint(pixels / 257).astype(np.uint8)


def pixels_of(image, depth=None):
    return imaging.to_array(image.rgb, image.alpha, depth or image.depth)


def profile_bytes(colorants, gamma):
    """A minimal version 2 matrix/TRC display profile with one gamma for all channels."""
    s15 = lambda v: struct.pack(">i", round(v * 65536))  # noqa: E731
    xyz = lambda c: b"XYZ \0\0\0\0" + b"".join(map(s15, c))  # noqa: E731
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 83
    white = (0.9642, 1.0, 0.8249)
    tags = [(b"desc", text), (b"cprt", b"text\0\0\0\0none\0\0\0\0"), (b"wtpt", xyz(white))]
    tags += [(n, xyz(c)) for n, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), np.transpose(colorants), strict=True)]
    tags += [(n, curve) for n in (b"rTRC", b"gTRC", b"bTRC")]
    return assemble(tags, b"RGB ")


def assemble(tags, space):
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = struct.pack(">I", 0x02400000), b"mntr" + space + b"XYZ ", b"acsp"
    head[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    out = bytes(head) + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(out)) + out[4:]


def png_16(pixels, kind, extra=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(chunk(n, d) for n, d in extra or ())
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
