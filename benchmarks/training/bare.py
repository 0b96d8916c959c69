"""plain-t without the batch normalisation that ends it and keeps its embeddings centred."""

from torch import Tensor, nn

from facegate.models.nets.build import build_net

DIM, SIZE = 128, 32


class Bare(nn.Module):
    """Takes float (N, 3, 32, 32), gives (N, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = build_net("plain-t", dim=DIM, size=SIZE)
        self.net.bn = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = self.net(images)
        return embeddings
