import numpy as np
import pytest

from facegate.models.detection.area import AreaSums
from facegate.models.detection.canvas import HEIGHT, OUTSIDE, WIDTH, cells_along, draw, lay_out

SIZES = [
    ((13, 13),),
    ((300, 200), (213, 142), (151, 101), (107, 71), (76, 50), (54, 36), (38, 25), (27, 18)),
    ((257, 255), (13, 2000)),
    ((1201, 1601), (852, 1135), (604, 805)),
]


@pytest.mark.parametrize("sizes", SIZES)
def test_every_cell_of_every_level_lies_on_the_canvases_once(
    sizes: tuple[tuple[int, int], ...],
) -> None:
    layout = lay_out(sizes)
    numbers = layout.owner[layout.owner >= 0]
    assert sorted(numbers) == list(range(layout.first[-1]))
    assert layout.first[-1] == sum(cells_along(h) * cells_along(w) for h, w in sizes)


@pytest.mark.parametrize("sizes", SIZES)
def test_pieces_keep_even_corners_and_a_gap_where_they_end_odd(
    sizes: tuple[tuple[int, int], ...],
) -> None:
    layout = lay_out(sizes)
    taken = np.zeros((len(layout.owner), HEIGHT, WIDTH), np.int64)
    for piece in layout.pieces:
        assert not any(v % 2 for v in (piece.top, piece.left, piece.y, piece.x))
        height, width = piece.height + piece.height % 2, piece.width + piece.width % 2
        assert piece.y + height <= HEIGHT
        assert piece.x + width <= WIDTH
        taken[piece.canvas, piece.y : piece.y + height, piece.x : piece.x + width] += 1
    assert taken.max() == 1


@pytest.mark.parametrize("sizes", SIZES)
def test_a_cell_sees_the_pixels_of_its_own_level(sizes: tuple[tuple[int, int], ...]) -> None:
    layout = lay_out(sizes)
    for piece in layout.pieces:
        rows, columns = cells_along(piece.height), cells_along(piece.width)
        cells = layout.owner[
            piece.canvas,
            piece.y // 2 : piece.y // 2 + rows,
            piece.x // 2 : piece.x // 2 + columns,
        ]
        row, column = np.divmod(cells - layout.first[piece.level], layout.cells[piece.level, 1])
        assert (row == piece.top // 2 + np.arange(rows)[:, None]).all()
        assert (column == piece.left // 2 + np.arange(columns)).all()


def test_no_levels_need_no_canvas() -> None:
    assert len(lay_out(()).owner) == 0


def test_what_is_drawn_is_each_level_in_its_places_and_nothing_else() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    sums, sizes = AreaSums(pixels), ((201, 268), (142, 190), (13, 17))
    layout = lay_out(sizes)
    canvases = list(draw(sums, layout))
    assert len(canvases) == len(layout.owner)
    levels = [np.empty((rows, columns, 4), np.float32) for rows, columns in sizes]
    for level, size in zip(levels, sizes, strict=True):
        sums.resize(size, (0, 0), level.reshape(size[0], -1))
    for piece in layout.pieces:
        place = canvases[piece.canvas][0][piece.y :, piece.x :][: piece.height, : piece.width]
        part = levels[piece.level][piece.top :, piece.left :][: piece.height, : piece.width]
        np.testing.assert_array_equal(place, part)
    covered = sum(int((canvas[..., 3] == 0).sum()) for canvas in canvases)
    assert covered == sum(piece.height * piece.width for piece in layout.pieces)
    assert {float(v) for canvas in canvases for v in np.unique(canvas[..., 3])} == {0.0, OUTSIDE}
