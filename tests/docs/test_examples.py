"""Every Python example in the documentation runs."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facegate.data.images import write_image

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"coming-from.md": 5, "python.md": 4}
EXAMPLES = {
    f"{page}-{number}": code
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    )
}


@pytest.fixture
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    facegate_home: Path,
    astronaut: NDArray[np.uint8],
    grace: NDArray[np.uint8],
) -> None:
    """The folder that the pages speak of, as the working directory."""
    other_view = np.ascontiguousarray(astronaut[:, ::-1])
    group = np.hstack([astronaut[:300], grace[:300]])
    for folder, pixels in (("ada", astronaut), ("grace", grace)):
        write_image(tmp_path / "people" / folder / "1.jpg", pixels)
    for name, pixels in (("ada", astronaut), ("ada-2", other_view), ("grace", grace)):
        write_image(tmp_path / f"{name}.jpg", pixels)
    write_image(tmp_path / "group.jpg", group)
    monkeypatch.chdir(tmp_path)


def test_the_pages_have_their_examples() -> None:
    assert len(EXAMPLES) == sum(PAGES.values())


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.usefixtures("folder")
def test_an_example_runs(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(EXAMPLES[example], example, "exec"), {"__name__": "__example__"})
    assert capsys.readouterr().out.strip()
