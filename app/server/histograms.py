"""How alike strangers and the samples of one person are, in one gallery."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegate.models.values import Floats

LOW, HIGH, BINS = -0.4, 1.0, 56
MOST = 1000
"""Templates that are compared; of more, an evenly spread selection."""


def histograms(owners: NDArray[np.int64], rows: Floats) -> dict[str, Any]:
    """Count the scores of all pairs.

    Args:
        owners: (N,), whose template each row is.
        rows: (N, D), unit length.

    Returns:
        ``low`` and ``high``, the ends of the scale, and two lists of counts over equal bins.
    """
    if len(rows) > MOST:
        chosen = np.linspace(0, len(rows) - 1, MOST).astype(int)
        owners, rows = owners[chosen], rows[chosen]
    first, second = np.triu_indices(len(rows), 1)
    scores = (rows @ rows.T)[first, second] if len(rows) else np.zeros(0, np.float32)
    same = owners[first] == owners[second]
    edges = np.linspace(LOW, HIGH, BINS + 1)
    scores = np.clip(scores, LOW, HIGH)
    return {
        "low": LOW,
        "high": HIGH,
        "impostor": np.histogram(scores[~same], edges)[0].tolist(),
        "genuine": np.histogram(scores[same], edges)[0].tolist(),
    }
