import doctest
import xml.etree.ElementTree as ElementTree

import pytest

from facegate.evaluation import plots
from facegate.evaluation.plots import HEIGHT, WIDTH, Axis, Chart


def test_doctests() -> None:
    assert doctest.testmod(plots).failed == 0


def test_a_chart_is_well_formed_and_names_its_lines() -> None:
    chart = Chart("A <title> & more", Axis("x", 0, 1, percent=True), Axis("y", 1e-4, 1, log=True))
    chart.line([(0, 1e-4), (1, 1)], "model", "one & only")
    chart.band([(0, 1e-4)], [(0, 1e-3)], "model band")
    chart.dots([(0.5, 0.1)], "same")
    chart.mark(0.3, "plain", "threshold")
    figure = ElementTree.fromstring(chart.svg())
    assert figure.find("svg") is not None
    caption = "".join(figure.find("figcaption").itertext())  # type: ignore[union-attr]
    assert "A <title> & more" in caption
    assert "one & only" in caption
    assert "threshold" in caption


def test_values_beyond_the_axes_stay_on_the_picture() -> None:
    chart = Chart("t", Axis("x", 0, 1), Axis("y", 1e-3, 1, log=True))
    chart.line([(-5, 0), (9, 7)], "model")
    (line,) = ElementTree.fromstring(chart.svg()).iter("polyline")
    for point in line.attrib["points"].split():
        x, y = (float(number) for number in point.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


@pytest.mark.parametrize(
    "axis",
    [
        Axis("x", -0.4, 1),
        Axis("x", 0, 7.3),
        Axis("x", 0.02, 1, log=True),
        Axis("x", 1e-6, 1, log=True),
    ],
)
def test_an_axis_has_a_few_round_ticks_inside_it(axis: Axis) -> None:
    ticks = axis.ticks()
    assert 3 <= len(ticks) <= 9
    assert all(axis.low - 1e-9 <= tick <= axis.high + 1e-9 for tick in ticks)
