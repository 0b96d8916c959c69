"""The table of formats, each row made by code: what is read, how, and what is refused."""

import io
import struct
import tracemalloc
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from facegate.data.decoding import decode as subject
from facegate.data.images import Photo, read_photo
from facegate.errors import ImageError
from tests.conftest import require

Pixels = NDArray[np.uint8]


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG of rows that carry their filter bytes; ``more`` chunks go before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *more, pixels, chunk(b"IEND", b"")]
    )


def with_chunk(contents: bytes, name: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return contents[:33] + chunk(name, body) + contents[33:]


def refused(contents: bytes, *, code: str = "not_an_image", max_side: int = 16_384) -> str:
    with pytest.raises(ImageError) as caught:
        read_photo(contents, name="it", max_side=max_side)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    return str(caught.value)


def close(photo: Photo, expected: Any, tolerance: float) -> bool:
    difference = photo.pixels.astype(np.int16) - np.asarray(expected, np.int16)
    return float(np.abs(difference).mean()) <= tolerance


@pytest.fixture(scope="module")
def portrait(astronaut: Pixels) -> Image.Image:
    return Image.fromarray(astronaut[:300, 100:340])  # upright, so that a turn shows


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 3.0),
        ("JPEG", {"quality": 95, "progressive": True}, 3.0),
        ("PNG", {}, 0.0),
        ("WEBP", {"lossless": True}, 0.0),
        ("WEBP", {"quality": 90}, 4.0),
    ],
)
def test_colours_survive(
    portrait: Image.Image, kind: str, options: dict[str, Any], tolerance: float
) -> None:
    photo = read_photo(saved(portrait, kind, **options))
    assert (photo.width, photo.height, photo.scale) == (240, 300, 1.0)
    assert close(photo, portrait, tolerance)


@pytest.mark.parametrize("stated", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_is_applied(portrait: Image.Image, kind: str, stated: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = stated
    contents = saved(portrait, kind, exif=exif)
    photo = read_photo(contents)
    with Image.open(io.BytesIO(contents)) as image:
        expected = ImageOps.exif_transpose(image)
    assert (photo.width, photo.height) == expected.size == photo.pixels.shape[1::-1]
    assert close(photo, expected, 0)


def test_orientation_99_is_ignored(portrait: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    assert close(read_photo(saved(portrait, "PNG", exif=exif)), portrait, 0)


def test_orientation_behind_the_pixels_of_a_png_is_applied(portrait: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = saved(portrait, "PNG")
    late = whole[:-12] + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + whole[-12:]
    assert read_photo(late).width == 300


def test_orientation_in_imagemagicks_text_is_applied(portrait: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n    40\n" + exif.tobytes().hex())
    assert read_photo(saved(portrait, "PNG", pnginfo=text)).width == 300


def test_cmyk(portrait: Image.Image) -> None:
    cmyk = portrait.convert("CMYK")
    assert close(read_photo(saved(cmyk, "JPEG", quality=95)), cmyk.convert("RGB"), 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_grey(portrait: Image.Image, kind: str) -> None:
    photo = read_photo(saved(portrait.convert("L"), kind))
    assert close(photo, portrait.convert("L").convert("RGB"), 4)


def test_black_and_white(portrait: Image.Image) -> None:
    bits = portrait.convert("1")
    assert close(read_photo(saved(bits, "PNG")), bits.convert("RGB"), 0)


def test_palette(portrait: Image.Image) -> None:
    palette = portrait.quantize(64)
    assert close(read_photo(saved(palette, "PNG")), palette.convert("RGB"), 0)


@pytest.mark.parametrize("transparency", [0, bytes([0, 255, 128])])
def test_transparency_in_a_palette_shows_white(transparency: int | bytes) -> None:
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    palette.paste(1, (0, 0, 20, 40))
    palette.paste(2, (0, 0, 20, 20))
    pixels = read_photo(saved(palette, "PNG", transparency=transparency)).pixels
    assert pixels[30, 30].tolist() == [255, 255, 255]
    assert pixels[30, 10].tolist() == [0, 200, 0]
    half = [0, 0, 200] if transparency == 0 else [127, 127, 227]
    np.testing.assert_allclose(pixels[10, 10], half, atol=1)


@pytest.mark.parametrize(
    ("mode", "colour", "key"), [("RGB", (9, 8, 7), (9, 8, 7)), ("L", 9, 9), ("1", 0, 0)]
)
def test_a_transparent_colour_shows_white(mode: str, colour: Any, key: Any) -> None:
    photo = read_photo(saved(Image.new(mode, (40, 40), colour), "PNG", transparency=key))
    assert photo.pixels.min() == 255


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_hidden_colours_do_not_come_out(portrait: Image.Image, kind: str) -> None:
    clear = portrait.copy()
    clear.putalpha(0)
    options = {} if kind == "PNG" else {"lossless": True, "exact": True}
    assert read_photo(saved(clear, kind, **options)).pixels.min() == 255


def test_alpha_is_mixed_with_white() -> None:
    photo = read_photo(saved(Image.new("RGBA", (40, 40), (10, 20, 30, 51)), "PNG"))
    np.testing.assert_allclose(photo.pixels[5, 5], [206, 208, 210], atol=1)  # 0.2 c + 0.8 * 255
    grey = read_photo(saved(Image.new("LA", (40, 40), (10, 51)), "PNG"))
    np.testing.assert_allclose(grey.pixels[5, 5], [206, 206, 206], atol=1)


def test_sixteen_bit_grey_is_scaled() -> None:
    values = np.linspace(0, 65535, 40 * 40).astype(np.uint16).reshape(40, 40)
    photo = read_photo(saved(Image.fromarray(values), "PNG"))
    expected = np.round(values / 257)[..., None].repeat(3, axis=2)
    np.testing.assert_array_equal(photo.pixels, expected)
    assert abs(float(photo.pixels.mean()) - 127.5) < 1


def test_a_transparent_sixteen_bit_grey_shows_white() -> None:
    values = np.full((40, 40), 1000, np.uint16)
    values[:20] = 2000
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    pixels = read_photo(png(40, 40, 16, 0, rows, chunk(b"tRNS", struct.pack(">H", 1000)))).pixels
    assert pixels[30, 5].tolist() == [255, 255, 255]
    assert pixels[5, 5].tolist() == [8, 8, 8]


def test_sixteen_bit_colour(portrait: Image.Image) -> None:
    deep = np.asarray(portrait, np.uint16) * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    assert close(read_photo(png(240, 300, 16, 2, rows)), portrait, 0)


def test_a_phones_two_pictures_are_an_ordinary_photograph(portrait: Image.Image) -> None:
    second = Image.new("RGB", portrait.size)
    contents = saved(portrait, "MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(io.BytesIO(contents)) as image:
        assert image.format == "MPO"
    assert close(read_photo(contents), portrait, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_animations_are_refused(portrait: Image.Image, kind: str) -> None:
    frames = [portrait.rotate(angle) for angle in (10, 20)]
    message = refused(saved(portrait, kind, save_all=True, append_images=frames))
    assert "GIF" in message if kind == "GIF" else "video, not a photograph" in message


def test_an_animation_of_one_frame_is_a_photograph(portrait: Image.Image) -> None:
    still = saved(portrait, "PNG")
    assert close(read_photo(with_chunk(still, b"acTL", struct.pack(">II", 1, 0))), portrait, 0)


@pytest.mark.parametrize("body", [b"", b"\0\0", bytes(8), b"\xff" * 8])
def test_damaged_animation_chunks_neither_warn_nor_hide_the_picture(
    portrait: Image.Image, body: bytes
) -> None:
    contents = with_chunk(saved(portrait, "PNG"), b"acTL", body)
    assert close(read_photo(with_chunk(contents, b"acTL", body)), portrait, 0)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("BMP", "BMP"),
        ("TIFF", "TIFF"),
        ("ICO", "ICO"),
        ("AVIF", "AVIF"),
        ("JPEG2000", "JPEG 2000"),
    ],
)
def test_other_formats_are_named(portrait: Image.Image, kind: str, name: str) -> None:
    message = refused(saved(portrait, kind))
    assert message.startswith(f"it is a {name} file" if name[0] in "BTJ" else f"it is an {name} f")
    assert "convert it to JPEG or PNG" in message


def test_postscript_is_refused_without_starting_a_program(portrait: Image.Image) -> None:
    assert "EPS" in refused(saved(portrait, "EPS"))


def test_heic_is_read_where_its_package_is_installed(portrait: Image.Image) -> None:
    require(subject._reads_heic(), "the package pillow-heif")
    import pillow_heif

    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    pillow_heif.from_pillow(portrait).save(file, quality=90, exif=exif.tobytes())
    openers = set(Image.OPEN)
    photo = read_photo(file.getvalue())
    assert (photo.width, photo.height) == (300, 240)
    assert close(photo, portrait.transpose(Image.Transpose.ROTATE_270), 4)
    refused(file.getvalue(), code="image_too_large", max_side=200)
    refused(file.getvalue()[:-2000])
    assert set(Image.OPEN) == openers  # the host's Pillow stays as it was


def test_heic_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_reads_heic", lambda: False)
    message = refused(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    assert "pillow-heif" in message


def test_a_one_bit_bomb_is_refused_on_its_header() -> None:
    rows = bytes(1 + 30_000 // 8) * 30_000
    bomb = png(30_000, 30_000, 1, 0, rows)
    del rows
    assert len(bomb) < 200_000
    tracemalloc.start()
    refused(bomb, code="image_too_large")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "size", [(12_000, 12_000), (16_385, 100), (1_000_000, 40), (40, 1_000_000)]
)
def test_large_sizes_are_refused_on_the_header(size: tuple[int, int]) -> None:
    assert f"{size[0]} x {size[1]}" in refused(png(*size, 8, 2, b""), code="image_too_large")


def test_the_canvas_of_a_webp_is_checked_before_its_decoder_is_made() -> None:
    body = b"\x10\0\0\0" + (16_000).to_bytes(3, "little") * 2
    contents = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + body
    assert "16001 x 16001" in refused(contents, code="image_too_large")


def test_the_hosts_own_limit_plays_no_part(
    portrait: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000)  # Pillow would warn
    assert read_photo(saved(portrait, "JPEG")).width == 240
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow would refuse
    assert read_photo(saved(portrait, "PNG")).width == 240
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize("size", [(31, 400), (400, 31), (1, 4000)])
def test_small_sides_are_refused(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    assert "too few" in refused(saved(image, "PNG"), code="too_small")
    assert read_photo(saved(image, "PNG"), min_side=1).pixels.shape[1::-1] == size


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt"])
def test_a_chunk_that_unpacks_to_80_megabytes_is_refused(
    portrait: Image.Image, name: bytes
) -> None:
    packed = zlib.compress(bytes(80_000_000), 9)
    refused(with_chunk(saved(portrait, "PNG"), name, b"name\0\0" + packed))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_file_cut_off_is_refused(portrait: Image.Image, kind: str, share: float) -> None:
    whole = saved(portrait, kind)
    assert "damaged" in refused(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_overwritten_in_the_middle_is_refused(portrait: Image.Image, kind: str) -> None:
    whole = bytearray(saved(portrait, kind))
    whole[len(whole) // 2 : len(whole) // 2 + 100] = b"\xff" * 100
    refused(bytes(whole))


def test_what_follows_the_picture_is_ignored(portrait: Image.Image) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        assert read_photo(saved(portrait, kind) + b"trailing" * 1000).width == 240


def test_damaged_exif_does_not_warn(portrait: Image.Image) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x1a\x01\x05\0\xff\xff\xff\xff\0\0\0\x7f" * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("JPEG", "PNG", "WEBP"):
            assert read_photo(saved(portrait, kind, exif=exif)).width == 240


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1599, 3000), (1599, 3000)),
        ((3199, 6400), (3199, 6400)),
        ((3200, 4801), (1600, 2401)),
        ((4801, 3201), (2401, 1601)),
        ((6400, 6400), (1600, 1600)),
    ],
)
def test_a_large_jpeg_is_decoded_smaller(size: tuple[int, int], expected: tuple[int, int]) -> None:
    contents = saved(Image.new("RGB", size, (90, 60, 30)), "JPEG")
    photo = read_photo(contents)
    assert photo.pixels.shape[1::-1] == expected
    assert (photo.width, photo.height) == size
    assert photo.scale == expected[0] / size[0]
    whole = read_photo(contents, full_size=True)
    assert whole.pixels.shape[1::-1] == size
    assert whole.scale == 1


def test_a_large_jpeg_on_its_side_keeps_its_upright_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = read_photo(saved(Image.new("RGB", (4800, 3200)), "JPEG", exif=exif))
    assert (photo.width, photo.height) == (3200, 4800)
    assert photo.pixels.shape == (2400, 1600, 3)


@pytest.mark.parametrize(
    "raised",
    [
        OSError,
        ValueError,
        SyntaxError,
        struct.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        UnidentifiedImageError,
        EOFError,
        IndexError,
    ],
)
def test_whatever_pillow_raises_becomes_one_error(
    portrait: Image.Image, monkeypatch: pytest.MonkeyPatch, raised: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise raised("broken data stream at 0x7f")

    contents = saved(portrait, "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(ImageError, match="it is damaged, or an unusual kind of PNG: ") as caught:
        read_photo(contents, name="it")
    assert isinstance(caught.value.__cause__, raised)


def test_a_lack_of_memory_is_said(portrait: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    contents = saved(portrait, "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    assert "memory" in refused(contents, code="image_too_large")
