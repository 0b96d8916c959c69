"""Error rates of face recognition, with their intervals; every module stands alone.

``errors`` rates and thresholds · ``pairs`` which rows are compared · ``rates`` a card's table ·
``bootstrap`` intervals · ``searches``, ``openset`` identification · ``likelihood`` calibration.
"""

from facegate.models.metrics.rates import rate_table

__all__ = ["rate_table"]
