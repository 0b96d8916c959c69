"""Two and three processes must give the gradient that one gives over the same batch."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

WORKER = Path(__file__).parent / "ranks.py"


def run(n_ranks: int, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(rank), str(n_ranks), str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(n_ranks)
    ]
    errors = [worker.communicate(timeout=300)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * n_ranks, "\n".join(errors)
    found: dict[str, Any] = torch.load(folder / "found.pt", weights_only=True)
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    return {n: run(n, folder / str(n)) for n in (1, 2, 3)}


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_the_gradient_is_that_of_one_process(
    found: dict[int, dict[str, Any]], n_ranks: int
) -> None:
    """Equal and unequal shares, none, no active or no positive pair on one, every loss."""
    cases = [case for case, value in found[1].items() if isinstance(value, tuple)]
    assert len(cases) > 30
    for case in cases:
        gradient, value, n_active = found[n_ranks][case]
        alone, value_alone, n_active_alone = found[1][case]
        assert alone.norm() > 1e-3, case
        torch.testing.assert_close(gradient, alone, rtol=1e-12, atol=1e-12, msg=case)
        assert value == pytest.approx(value_alone, rel=1e-12), case
        assert n_active == n_active_alone, case


@pytest.mark.parametrize("n_ranks", [2, 3])
@pytest.mark.parametrize("how", ["trained", "trained in chunks"])
def test_five_steps_lead_to_the_same_parameters(
    found: dict[int, dict[str, Any]], n_ranks: int, how: str
) -> None:
    torch.testing.assert_close(found[n_ranks][how], found[1]["trained"], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_all_processes_refuse_what_one_of_them_brings(
    found: dict[int, dict[str, Any]], n_ranks: int
) -> None:
    bad = 2 * (n_ranks - 1)
    assert f"embedding {bad} of {2 * n_ranks} is not finite" in found[n_ranks]["refusal"]
