from collections.abc import Callable

import pytest

from facegate.doctor.packages import installed_version, package_findings, requirements


def replaced(**versions: str | None) -> Callable[[str], str | None]:
    """The versions installed here, some replaced."""
    given = {name.replace("_", "-"): version for name, version in versions.items()}
    return lambda name: given[name] if name in given else installed_version(name)


def test_this_environment_fits_together() -> None:
    assert list(package_findings()) == []
    assert {"numpy", "torch", "pillow"} <= {needed.name for needed in requirements()}


def test_optional_packages_are_not_asked_for() -> None:
    assert "pillow-heif" not in {needed.name for needed in requirements()}


def test_a_missing_package_is_named() -> None:
    (finding,) = package_findings(replaced(scipy=None))
    assert finding.message == "scipy is not installed"
    assert finding.topic == "packages"


def test_a_version_out_of_range_is_named_with_the_range() -> None:
    (finding,) = package_findings(replaced(numpy="1.26.4"))
    assert finding.message == "numpy is 1.26.4, and facegate needs <3,>=2"


@pytest.mark.parametrize(
    ("torch", "torchvision", "said"),
    [
        ("2.14.1", "0.29.2", ""),
        ("2.14.1+cpu", "0.29.0+cpu", ""),
        ("2.14.1", "0.28.0", "torch 2.14 goes with torchvision 0.29"),
        ("2.14.1+cpu", "0.29.2", "come from different builds"),
        ("2.14.1+cu130", "0.29.2+cpu", "come from different builds"),
    ],
)
def test_torch_and_torchvision_move_as_a_pair(torch: str, torchvision: str, said: str) -> None:
    findings = list(package_findings(replaced(torch=torch, torchvision=torchvision)))
    pair = [f.message for f in findings if "torchvision" in f.message and "needs" not in f.message]
    assert [said in message for message in pair] == ([True] if said else [])


def test_two_builds_of_opencv_are_a_finding() -> None:
    (finding,) = package_findings(replaced(opencv_python_headless="5.0.0.93"))
    assert "opencv-python and opencv-python-headless" in finding.message
