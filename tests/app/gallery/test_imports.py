"""Nothing heavy is imported before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from facegate.gallery import Gallery

_LOADED = """
import sys
{do}
print(*(name for name in ("numpy", "faiss", "sqlite3", "torch", "cv2", "openvino", "PIL")
        if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("do", "loaded"),
    [
        ("import facegate.gallery", []),
        ("from facegate.gallery.names import clean_name; clean_name('Ada')", []),
        ("from facegate.gallery import Sample, Identity", []),
        ("from facegate.gallery import Gallery; Gallery.open(PATH).identities()", ["sqlite3"]),
        ("from facegate.gallery import Gallery; Gallery.open(PATH).rename('Ada', 'Eve')",
         ["sqlite3"]),
        ("from facegate.gallery import Gallery; Gallery.open(PATH).templates('Ada')",
         ["numpy", "sqlite3"]),
    ],
)  # fmt: skip
def test_only_what_is_needed_is_loaded(
    peopled: Gallery, path: Path, do: str, loaded: list[str]
) -> None:
    code = _LOADED.format(do=do.replace("PATH", repr(str(path))))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == loaded
