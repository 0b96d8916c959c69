"""Small charts as SVG inside a page: they take its colours, light or dark, and its width."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 600, 340
LEFT, RIGHT, TOP, BOTTOM = 84, 26, 12, 44

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a chart.

    Attributes:
        label: what it shows.
        low, high: its ends; on a logarithmic axis both above 0.
        log: whether it is logarithmic.
        percent: whether its numbers are shown as percentages.
    """

    label: str
    low: float
    high: float
    log: bool = False
    percent: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 to 1; values beyond the ends lie on them."""
        value = min(max(value, self.low), self.high)
        if self.log:
            span = math.log(self.high / self.low)
            return math.log(value / self.low) / span
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return the values that get a mark: round ones.

        >>> Axis("score", -0.2, 1.0).ticks()
        [-0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        >>> Axis("rate", 1e-3, 1, log=True).ticks()
        [0.001, 0.01, 0.1, 1.0]
        """
        if self.log:
            digits = (1,) if self.high / self.low > 100 else (1, 2, 5)
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            marks = [float(f"{d}e{power}") for power in range(first, last + 1) for d in digits]
            return [m for m in marks if self.low * (1 - 1e-9) <= m <= self.high * (1 + 1e-9)]
        raw = (self.high - self.low) / 6
        unit = 10 ** math.floor(math.log10(raw))
        step = min((m * unit for m in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(k * step, 10) for k in range(first, last + 1)]

    def text(self, value: float) -> str:
        """Return a tick's words."""
        return f"{100 * value:g} %" if self.percent else f"{value:g}"


@dataclass(slots=True)
class Chart:
    """A chart that shapes are added to.

    Attributes:
        title: what it shows, in words, for who cannot see it.
        x, y: the axes.
    """

    title: str
    x: Axis
    y: Axis
    _shapes: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    def line(self, points: Points, kind: str, name: str = "") -> None:
        """Add a line of a kind (a class of the style sheet)."""
        self._shapes.append(f'<polyline class="line {kind}" points="{self._path(points)}"/>')
        self._name(kind, name)

    def area(self, points: Points, kind: str, name: str = "") -> None:
        """Add a filled shape."""
        self._shapes.append(f'<polygon class="area {kind}" points="{self._path(points)}"/>')
        self._name(kind, name)

    def band(self, low: Points, high: Points, kind: str, name: str = "") -> None:
        """Add the area between two lines."""
        self.area([*low, *reversed(high)], kind, name)

    def dots(self, points: Points, kind: str, name: str = "") -> None:
        """Add a dot at each point."""
        for point in points:
            x, y = self._at(point)
            self._shapes.append(f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        self._name(kind, name)

    def mark(self, value: float, kind: str, name: str) -> None:
        """Add an upright line at a value of x, with its name."""
        x, _ = self._at((value, self.y.low))
        foot = HEIGHT - BOTTOM
        self._shapes.append(
            f'<line class="mark {kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{foot}"/>'
        )
        self._name(kind, name)

    def svg(self) -> str:
        """Return the chart."""
        legend = "".join(
            f'<span class="key {kind}">{escape(name)}</span>' for kind, name in self._legend
        )
        return (
            f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(self.title)}">{self._axes()}{"".join(self._shapes)}</svg>'
            f"<figcaption>{escape(self.title)} {legend}</figcaption></figure>"
        )

    def _name(self, kind: str, name: str) -> None:
        if name and (kind, name) not in self._legend:
            self._legend.append((kind, name))

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + self.x.place(point[0]) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - self.y.place(point[1]) * (HEIGHT - TOP - BOTTOM)
        return x, y

    def _path(self, points: Points) -> str:
        return " ".join("{:.1f},{:.1f}".format(*self._at(point)) for point in points)

    def _axes(self) -> str:
        foot, end = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = []
        for value in self.x.ticks():
            x, _ = self._at((value, self.y.low))
            parts.append(_rule("grid", x, x, TOP, foot))
            parts.append(_text(x, foot + 16, "middle", self.x.text(value)))
        for value in self.y.ticks():
            _, y = self._at((self.x.low, value))
            parts.append(_rule("grid", LEFT, end, y, y))
            parts.append(_text(LEFT - 6, y + 4, "end", self.y.text(value)))
        parts.append(_text((LEFT + end) / 2, HEIGHT - 8, "middle", self.x.label))
        parts.append(
            f'<text transform="translate(14 {(TOP + foot) / 2}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y.label)}</text>'
        )
        return "".join(parts)


def _rule(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def steps(edges: Sequence[float], heights: Sequence[float]) -> list[tuple[float, float]]:
    """Return the outline of a histogram, closed at its foot.

    >>> steps([0, 1, 2], [3, 4])
    [(0, 0.0), (0, 3), (1, 3), (1, 4), (2, 4), (2, 0.0)]
    """
    outline = [(edges[0], 0.0)]
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        outline += [(left, height), (right, height)]
    return [*outline, (edges[-1], 0.0)]
