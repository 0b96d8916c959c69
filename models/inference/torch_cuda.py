"""A torch module as a net on a CUDA device."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from facegate.models.values import Floats

if TYPE_CHECKING:
    import torch


class TorchNet:
    """A module on a torch device, in full f32."""

    precision = "f32"

    def __init__(self, module: "torch.nn.Module", device: str) -> None:
        self.device = device
        self._module = module.eval().to(device)

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        """Run a batch, float32."""
        import torch

        # TF32 keeps 10 bits of the mantissa: scores would depend on the machine.
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            outputs = self._module(torch.from_numpy(batch).to(self.device))
        if isinstance(outputs, torch.Tensor):
            outputs = (outputs,)
        return tuple(output.float().cpu().numpy() for output in outputs)

    def run_all(self, batches: Iterable[Floats]) -> list[tuple[Floats, ...]]:
        """Run batches one after another."""
        return [self(batch) for batch in batches]
