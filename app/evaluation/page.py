"""A report as one HTML file: no script, no network, nothing to be beside it."""

import base64
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib import resources
from string import Template

from PIL import Image

import facegate
from facegate.data.text import printable
from facegate.models.values import Pixels

THUMBNAIL_PX = 112


def page(title: str, subtitle: str, sections: Sequence[str]) -> str:
    """Return a whole page of sections that are HTML already."""
    template = resources.files("facegate.evaluation").joinpath("page.html").read_text("utf-8")
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Template(template).substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        body="\n".join(sections),
        footer=escape(
            f"facegate {facegate.__version__}, {now}. It holds faces: share it with care."
        ),
    )


def section(heading: str, *parts: str) -> str:
    """Return a section of parts that are HTML already."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def text(words: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{escape(words)}</p>' if kind else f"<p>{escape(words)}</p>"


def charts(*svgs: str) -> str:
    """Return charts side by side where there is room."""
    return f'<div class="charts">{"".join(svgs)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; where it is too wide for the page, each row becomes a list of its cells."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    labels = [f' data-head="{escape(word)}"' if word and k else "" for k, word in enumerate(head)]
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{label}>{escape(printable(cell))}</td>"
            for label, cell in zip(labels, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def faces(pictures: Sequence[Pixels | None], lines: Sequence[str]) -> str:
    """Return pictures beside each other with lines of text under them."""
    images = "".join(_image(pixels) for pixels in pictures if pixels is not None)
    words = "".join(f"<div>{escape(printable(line))}</div>" for line in lines)
    return f'<div class="pair">{images}{words}</div>'


def gallery(parts: Sequence[str]) -> str:
    """Return several ``faces`` as a grid."""
    return f'<div class="faces">{"".join(parts)}</div>'


def _image(pixels: Pixels) -> str:
    picture = Image.fromarray(pixels)
    if max(picture.size) > THUMBNAIL_PX:
        picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="aligned face" src="data:image/jpeg;base64,{data}">'
