import numpy as np
import torch
from facenet_pytorch.models import mtcnn as theirs

from facegate.models.detection.canvas import OUTSIDE
from facegate.models.detection.mtcnn_weights import weights_path
from facegate.models.nets.mtcnn import load


def of_means(pixels: torch.Tensor) -> torch.Tensor:
    """Our nets' input for what facenet-pytorch takes: -1 to 1, channels first."""
    return torch.nn.functional.pad(pixels + 127.5 / 128, (0, 0, 0, 0, 0, 1)).permute(0, 2, 3, 1)


def odds(logits: torch.Tensor) -> torch.Tensor:
    return logits.sigmoid()


@torch.inference_mode()
def test_rnet_and_onet_give_what_facenet_pytorch_gives() -> None:
    torch.manual_seed(0)
    for name, net, side in (("rnet", theirs.RNet(), 24), ("onet", theirs.ONet(), 48)):
        crops = torch.rand(6, 3, side, side) * 2 - 1
        *wanted, chances = net(crops)
        got = load(name, weights_path(name))(of_means(crops))
        torch.testing.assert_close(got[:, :-1], torch.cat(wanted, dim=1))
        torch.testing.assert_close(odds(got[:, -1]), chances[:, 1])


@torch.inference_mode()
def test_pnet_on_a_canvas_gives_what_it_gives_for_the_picture_alone() -> None:
    # All four parities of the sides: where one is odd, the last pooling window is cut short.
    torch.manual_seed(0)
    net, alone = load("pnet", weights_path("pnet")), theirs.PNet()
    for height, width in ((20, 26), (21, 26), (20, 27), (21, 27), (13, 12)):
        picture = torch.rand(1, 3, height, width) * 2 - 1
        canvas = torch.rand(1, 64, 64, 4)
        canvas[..., 3] = OUTSIDE
        y, x = 18, 30
        canvas[:, y : y + height, x : x + width] = of_means(picture)
        offsets, chances = alone(picture)
        rows, columns = chances.shape[2:]
        whole = net(canvas).permute(0, 3, 1, 2)
        got = whole[:, :, y // 2 : y // 2 + rows, x // 2 : x // 2 + columns]
        torch.testing.assert_close(got[:, :4], offsets)
        torch.testing.assert_close(odds(got[:, 4]), chances[:, 1])


def test_the_weights_are_found_without_their_package() -> None:
    assert np.fromfile(weights_path("pnet"), np.uint8).size == 28570
