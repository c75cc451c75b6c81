from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets.folder import default_loader

from bench.data.decode import decode_file, image_size
from bench.errors import BenchError

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (21, 17, 3), dtype=np.uint8)
RGB = Image.fromarray(COLOURS)


def _with_transparent_palette():
    image = RGB.quantize(32)
    image.info["transparency"] = bytes(range(0, 256, 8))
    return image


def _rgba():
    return Image.fromarray(RNG.integers(0, 256, (21, 17, 4), dtype=np.uint8))


MODES = {
    "rgb.png": RGB,
    "rgb.jpg": RGB,
    "rgb.bmp": RGB,
    "rgb.ppm": RGB,
    "rgb.webp": RGB,
    "rgb.tiff": RGB,
    "grey.png": RGB.convert("L"),
    "grey.jpg": RGB.convert("L"),
    "grey.pgm": RGB.convert("L"),
    "one-bit.png": RGB.convert("1"),
    "palette.png": RGB.quantize(64),
    "palette-transparent.png": _with_transparent_palette(),
    "alpha.png": _rgba(),
    "alpha.webp": _rgba(),
    "grey-alpha.png": _rgba().convert("LA"),
    "cmyk.jpg": RGB.convert("CMYK"),
    "cmyk.tif": RGB.convert("CMYK"),
    "ycbcr.tif": RGB.convert("YCbCr"),
}


@pytest.mark.parametrize("name", MODES)
def test_every_mode_has_the_pixels_of_torchvisions_default_loader(name, tmp_path):
    MODES[name].save(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(default_loader(str(tmp_path / name)))
    decoded = decode_file(tmp_path / name)
    assert decoded.dtype == np.uint8
    assert decoded.flags.writeable
    assert np.array_equal(decoded, expected)


def test_a_suffix_that_lies_changes_nothing(tmp_path):
    RGB.save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "x.JPEG")
    assert np.array_equal(decode_file(tmp_path / "x.JPEG"), COLOURS)


def test_exif_orientation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    RGB.save(tmp_path / "turned.jpg", exif=exif)
    assert decode_file(tmp_path / "turned.jpg").shape == (21, 17, 3)
    assert np.array_equal(
        decode_file(tmp_path / "turned.jpg"),
        np.asarray(default_loader(str(tmp_path / "turned.jpg"))),
    )
    assert image_size(tmp_path / "turned.jpg") == (21, 17)


def test_corrupt_exif_is_read_without_a_warning(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a description that is cut off, so that the directory points beyond the end"
    damaged = exif.tobytes()[:-40]
    stream = io.BytesIO()
    RGB.save(stream, "JPEG", exif=damaged)
    (tmp_path / "x.jpg").write_bytes(stream.getvalue())
    assert decode_file(tmp_path / "x.jpg").shape == (21, 17, 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_is_scaled_to_eight_bits(suffix, tmp_path):
    deep = np.array([[0, 128, 129, 257], [32767, 32896, 65406, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / f"deep.{suffix}")
    decoded = decode_file(tmp_path / f"deep.{suffix}")
    expected = np.floor(deep / 257 + 0.5)
    assert np.array_equal(decoded, np.repeat(expected[..., None], 3, axis=2))


def test_eight_bits_stored_as_sixteen_come_back_exactly(tmp_path):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(grey * 257).save(tmp_path / "deep.png")
    assert np.array_equal(decode_file(tmp_path / "deep.png")[..., 0], grey)


def test_integers_of_sixteen_bits_in_a_wider_file_are_scaled_too(tmp_path):
    Image.fromarray(np.array([[0, 65535]], np.int32)).save(tmp_path / "wide.tif")
    assert decode_file(tmp_path / "wide.tif")[0, :, 0].tolist() == [0, 255]


def _chunk(kind, content):
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def _claiming(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + _chunk(b"IEND", b"")
    )


def _encoded(kind, image=RGB):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


BAD = {
    "zero.png": (b"", "is empty (0 bytes)"),
    "text.jpg": (b"<html>not found</html>", "is not an image"),
    "cut.png": (_encoded("PNG")[:600], "is damaged or truncated"),
    "cut.jpg": (_encoded("JPEG")[:700], "is damaged or truncated"),
    "cut.webp": (_encoded("WEBP")[:200], "is"),
    "header-only.png": (_encoded("PNG")[:20], "is"),
    "bomb.png": (_claiming(60_000, 60_000), "more than 89,478,485 pixels"),
    "small-bomb.png": (_claiming(10_000, 10_000), "more than 89,478,485 pixels"),
    "float.tif": (_encoded("TIFF", Image.new("F", (4, 4))), "floating-point"),
    "wide.tif": (_encoded("TIFF", Image.new("I", (4, 4), 70_000)), "8 or 16 bits"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence_that_names_it(name, tmp_path):
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BenchError) as caught:
        decode_file(tmp_path / name)
    assert words in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_missing_file_is_named(tmp_path):
    for read in (decode_file, image_size):
        with pytest.raises(BenchError, match=r"none\.png cannot be read: No such file"):
            read(tmp_path / "none.png")


def test_a_folder_in_place_of_an_image_is_named(tmp_path):
    with pytest.raises(BenchError, match="cannot be read: Is a directory"):
        decode_file(tmp_path)


def test_the_size_comes_from_the_header_alone(tmp_path):
    (tmp_path / "cut.png").write_bytes(_encoded("PNG")[:100])
    assert image_size(tmp_path / "cut.png") == (21, 17)


@pytest.mark.parametrize("name", ["zero.png", "text.jpg", "bomb.png", "small-bomb.png"])
def test_the_size_of_a_bad_file_is_refused_as_its_pixels_are(name, tmp_path):
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BenchError) as caught:
        image_size(tmp_path / name)
    assert words in str(caught.value)


def test_decoding_in_threads_leaves_the_warning_filters_alone(tmp_path):
    _with_transparent_palette().save(tmp_path / "x.png")
    before = list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [decode_file(tmp_path / "x.png") for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
