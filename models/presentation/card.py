"""What facegate knows about the one check for presentation attacks that it can use."""

from dataclasses import dataclass

from facegate.models.card import Part


@dataclass(frozen=True, slots=True)
class CheckNet:
    """One of the nets whose opinions are added.

    Attributes:
        architecture: as ``facegate.models.nets.build`` knows it.
        scale: how much wider than the face's box its square of the photograph is.
        part: its file as it is published.
        dim, input_size: length of its output, side of its input in pixels.
    """

    architecture: str
    scale: float
    part: Part
    dim: int = 3
    input_size: int = 80


@dataclass(frozen=True, slots=True)
class CheckCard:
    """A check for presentation attacks.

    Attributes:
        name: as in ``serve --pad``.
        licence, training_data, source: as its publisher states them.
    """

    name: str
    title: str
    licence: str
    training_data: str
    source: str
    nets: tuple[CheckNet, ...]


MINIFASNET = CheckCard(
    name="minifasnet",
    title="MiniFASNet, a check for printed photographs and screens",
    licence="Apache-2.0",
    training_data="not published",
    source="github.com/minivision-ai/Silent-Face-Anti-Spoofing",
    nets=(
        CheckNet(
            "minifasnet-v2",
            2.7,
            Part(
                "2.7_80x80_MiniFASNetV2.pth",
                "a5eb02e1843f19b5386b953cc4c9f011c3f985d0ee2bb9819eea9a142099bec0",
            ),
        ),
        CheckNet(
            "minifasnet-v1se",
            4.0,
            Part(
                "4_0_0_80x80_MiniFASNetV1SE.pth",
                "84ee1d37d96894d5e82de5a57df044ef80a58be2b218b5ed7cdfd875ec2f5990",
            ),
        ),
    ),
)
