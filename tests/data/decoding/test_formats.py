import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate.data.decoding.formats import FORMATS, format_of, is_image, refusal, webp_size


def box(*brands: bytes) -> bytes:
    body = brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + bytes(50)


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "AVI"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ""),
        (b"GIF89a\x01\x00", "GIF"),
        (b"BM\x36\x00\x00\x00\x00\x00\x00\x00", "BMP"),
        (b"BMW is no bitmap", "text"),
        (b"II*\x00\x08", "TIFF"),
        (b"MM\x00*\x00", "TIFF"),
        (b"8BPS\x00\x01", "PSD"),
        (b"\x00\x00\x01\x00\x01\x00", "ICO"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"\x1aE\xdf\xa3", "Matroska or WebM"),
        (box(b"heic", b"mif1", b"heic"), "HEIC"),
        (box(b"mif1", b"heic"), "HEIC"),
        (box(b"mif1", b"avif"), "AVIF"),
        (box(b"avif"), "AVIF"),
        (box(b"isom", b"mp41"), "MP4 or QuickTime"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n <HTML>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="x">', "SVG"),
        (b"hello", "text"),
        ("grüße".encode(), "text"),
        ("ä".encode() * 300, "text"),
        (b"\x00\x01\x02", ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_names_what_the_bytes_begin(first: bytes, name: str) -> None:
    assert format_of(first) == name


@given(st.binary(max_size=600))
@settings(deadline=None, derandomize=True)
def test_any_bytes_get_an_answer(first: bytes) -> None:
    name = format_of(first)
    assert str(refusal(name, "it")).startswith("it is ")
    webp_size(b"RIFF----WEBP" + first)


def test_only_images_count_as_images() -> None:
    assert all(is_image(name) for name in (*FORMATS, "HEIC", "GIF", "TIFF", "AVIF"))
    assert not any(is_image(name) for name in ("", "text", "web page", "MP4 or QuickTime", "ZIP"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GIF", "a GIF file, which facegate does not read: convert it to JPEG or PNG"),
        ("AVIF", "an AVIF file"),
        ("HEIC", "pillow-heif"),
        ("AVI", "a video (AVI), not a photograph"),
        ("web page", "save the image itself"),
        ("text", "is text, not an image"),
        ("", "give a JPEG, PNG or WebP file"),
    ],
)
def test_a_refusal_says_what_to_do(name: str, words: str) -> None:
    assert words in str(refusal(name, "it"))
