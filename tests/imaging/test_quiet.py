"""Codecs that print: nothing of it reaches the terminal, and standard error is as it was afterwards."""

import io
import os
import sys
import threading

import cv2
import numpy as np
import pytest
import tifffile
from conftest import blobs
from PIL import Image as Pillow

import cli
from dst import imaging
from dst.config import InputError
from dst.imaging.quiet import quiet


def damaged(folder):
    """Files whose pixels are spoilt in ways that make libtiff, libpng, libjpeg or OpenCV print."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    deep, image = pixels.astype(np.uint16) * 257, Pillow.fromarray(pixels)
    image.save(folder / "deflate.tif", compression="tiff_adobe_deflate")
    image.save(folder / "jpeg.tif", compression="jpeg")
    image.save(folder / "lzw.tif", compression="tiff_lzw")
    image.save(folder / "a.png")
    image.save(folder / "a.jpg")
    cv2.imwrite(str(folder / "deep.png"), deep)
    cv2.imwrite(str(folder / "deep.tif"), deep, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    tifffile.imwrite(folder / "zlib.tif", deep, photometric="rgb", compression="zlib", metadata=None)
    for path in folder.iterdir():
        data = bytearray(path.read_bytes())
        with Pillow.open(path) as opened:
            start = opened.tag_v2[273][0] if path.suffix == ".tif" else len(data) // 3
        if path.suffix == ".jpg":
            data = data[: len(data) // 2]
        else:
            data[start : start + 400] = bytes(400)
        path.write_bytes(data)
    return sorted(folder.iterdir())


def test_a_damaged_file_makes_exactly_one_line(tmp_path, capfd):
    files, style = damaged(tmp_path), tmp_path / "style.png"
    Pillow.fromarray(blobs((40, 40), 1)).save(style)
    capfd.readouterr()
    for file in files:
        assert cli.main(["match", str(file), str(style), "-o", str(tmp_path / "out.png")]) == 2
    told = capfd.readouterr()  # of the streams themselves, which codecs write to
    lines = told.err.splitlines()
    assert len(lines) == len(files) == 8 and told.out == "", lines
    for path, line in zip(files, lines, strict=True):
        assert line.startswith(f"dst: error: {path} is truncated or damaged")


def test_standard_error_comes_back(capfd):
    with pytest.raises(ZeroDivisionError), quiet():
        os.write(2, b"of the codec\n")
        with quiet():
            os.write(2, b"of another\n")
        os.write(2, b"of the codec again\n")
        raise ZeroDivisionError
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_standard_error_comes_back_after_two_threads_whose_calls_overlap(capfd):
    inside, go = threading.Event(), threading.Event()

    def first():
        with quiet():
            inside.set()
            go.wait(10)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(10)
    with quiet():
        go.set()
        other.join()
        os.write(2, b"of the codec\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_any_kind_of_standard_error_will_do(tmp_path, monkeypatch, stream):
    Pillow.fromarray(blobs((40, 40), 1)).save(tmp_path / "a.png")
    monkeypatch.setattr(sys, "stderr", stream)
    assert imaging.read(tmp_path / "a.png").size == (40, 40)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    with pytest.raises(InputError, match="damaged"):
        imaging.read(tmp_path / "a.png")


def test_a_closed_standard_error_stays_closed(tmp_path, python):
    Pillow.fromarray(blobs((40, 40), 1)).save(tmp_path / "a.png")
    code = f"""
import os
from dst import imaging
os.close(2)
held = [os.open(os.devnull, os.O_RDONLY) for _ in range(2)][0]
print(held, imaging.read({str(tmp_path / "a.png")!r}).size, os.path.samestat(os.fstat(2), os.stat(os.devnull)))
os.close(2)
print(imaging.read({str(tmp_path / "a.png")!r}).size)
try:
    os.fstat(2)
except OSError:
    print("closed")
os.dup2(1, 2)
"""
    assert python("-c", code).stdout.splitlines() == ["2 (40, 40) True", "(40, 40)", "closed"]
