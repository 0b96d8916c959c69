"""Several processes at once: nothing acknowledged is lost, killed or not."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facegate.gallery import Gallery, Sample

KILL = Path(__file__).parents[3] / "benchmarks" / "gallery" / "kill.py"

_ENROLL = """
import sys
import numpy as np
from facegate.gallery import Gallery, Sample
path, tag, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = np.random.default_rng(ord(tag))
with Gallery.open(path, model_id="m", create=True) as gallery:
    for number in range(n):
        vector = rng.standard_normal(16)
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        name = f"person {number % 7}"
        done = gallery.enroll(name, [Sample(unit, None, f"{tag}{number}", 0)])
        assert done.n_added == 1
"""


def test_two_writers_and_a_reader_lose_nothing(
    path: Path, samples: Callable[..., list[Sample]]
) -> None:
    """Both create the gallery, too; none of them ever hears that it is busy."""
    n = 25
    writers = [
        subprocess.Popen([sys.executable, "-c", _ENROLL, str(path), tag, str(n)]) for tag in "ab"
    ]
    probe, seen = samples(1, "probe")[0].embedding[None], 0
    while any(writer.poll() is None for writer in writers):
        if not path.exists():
            continue
        with Gallery.open(path, read_only=True) as reader:
            for _ in range(20):
                found = len(reader.search(probe, k=100)[0])
                assert found >= seen
                seen = found
                people, templates = reader.count()
                assert people <= templates
    assert [writer.returncode for writer in writers] == [0, 0]
    with Gallery.open(path) as gallery:
        assert gallery.count() == (7, 2 * n)
        assert {source for source, _ in gallery.known_sources()} == {
            f"{tag}{number}" for tag in "ab" for number in range(n)
        }
        assert len(gallery.search(probe, k=100)[0]) == 7
        assert gallery.check() == []


@pytest.mark.parametrize("mode", [[], ["--mixed"]])
def test_killed_writers_lose_nothing_acknowledged(mode: list[str]) -> None:
    """The short form of the campaign in benchmarks/gallery."""
    done = subprocess.run(
        [sys.executable, str(KILL), "--kills", "10", *mode],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == 10
    assert found["operations_acknowledged"] > 0
    assert (found["samples_lost"], found["operations_lost"], found["findings"]) == (0, 0, 0)
