import importlib.util
from pathlib import Path

from facegate.models.pipeline import Pipeline

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "memory" / "soak.py"


def test_memory_is_flat_over_photographs_of_many_sizes() -> None:
    spec = importlib.util.spec_from_file_location("soak", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pipeline = Pipeline(device="cpu")
    held = module.soak(pipeline, 100, 100, 14, embed=False)
    # The benchmark's 2,000 photographs may grow by 50; a leak of one photograph in ten shows here.
    assert max(held[40:]) - max(held[:40]) < 50
