"""Every example on the page for people who come from another library runs."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.data.images import write_image

PAGE = Path(__file__).parents[2] / "docs" / "coming-from.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def pictures(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    facegate_home: Path,
    astronaut: NDArray[np.uint8],
    grace: NDArray[np.uint8],
) -> None:
    """The folder that the page speaks of, as the working directory."""
    other_view = np.ascontiguousarray(astronaut[:, ::-1])
    group = np.hstack([astronaut[:300], grace[:300]])
    for folder, pixels in (("ada", astronaut), ("grace", grace)):
        write_image(tmp_path / "people" / folder / "1.jpg", pixels)
    for name, pixels in (("ada", astronaut), ("ada-2", other_view), ("grace", grace)):
        write_image(tmp_path / f"{name}.jpg", pixels)
    write_image(tmp_path / "group.jpg", group)
    monkeypatch.chdir(tmp_path)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
@pytest.mark.usefixtures("pictures")
def test_an_example_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, str(PAGE), "exec"), {"__name__": "__example__"})
    assert capsys.readouterr().out.strip()
