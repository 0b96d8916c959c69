"""The house rules that a reader cannot see in one file: layers, packages, who prints."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from facegate.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PREFIXES = {"app": "facegate", "models": "facegate.models", "data": "facegate.data"}
HEAVY = {"cv2", "faiss", "matplotlib", "numpy", "openvino", "PIL", "rich", "scipy", "torch"}


def installed_name(path: Path) -> str:
    """The name under which a source file is imported."""
    folder, *parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([PREFIXES[folder], *(part for part in parts if part != "__init__")])


SOURCES = {
    installed_name(path): path
    for folder in PREFIXES
    for path in sorted((ROOT / folder).rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in SOURCES.items()}


def imported(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each imported module and whether the import is relative."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module, node.level > 0
            yield from (
                (f"{module}.{alias.name}", False)
                for alias in node.names
                if f"{module}.{alias.name}" in SOURCES
            )


def layer(name: str) -> str:
    """The layer of a module, or "" for one that is not ours."""
    if name == "facegate.errors":
        return "errors"
    for folder in ("data", "models"):
        if name == f"facegate.{folder}" or name.startswith(f"facegate.{folder}."):
            return folder
    if name == "facegate.cli" or name.startswith("facegate.cli."):
        return "cli"
    return "app" if name == "facegate" or name.startswith("facegate.") else ""


AS_PROGRAM = "if __name__ == '__main__':"  # a child process of ours prints to its parent
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "data": {"errors", "data"},
    "models": {"errors", "data", "models"},
    "app": {"errors", "data", "models", "app"},
    "cli": {"errors", "data", "models", "app", "cli"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_imports_point_down_and_are_absolute(name: str) -> None:
    allowed = MAY_IMPORT[layer(name)] | ({"cli"} if name == "facegate.__main__" else set())
    for module, is_relative in imported(TREES[name]):
        assert not is_relative, f"{name} imports relatively"
        assert module.split(".")[0] not in PREFIXES, f"{name} imports {module}, not facegate"
        # `from facegate.x import y` counts for facegate.x, not for the package facegate above it.
        assert not layer(module) or layer(module) in allowed, f"{name} imports {module}"


def test_errors_need_the_standard_library_only() -> None:
    roots = {module.split(".")[0] for module, _ in imported(TREES["facegate.errors"])}
    assert roots <= sys.stdlib_module_names


def imported_on_start(name: str) -> set[str]:
    """The roots of all that importing one of our modules imports, through our own modules too."""
    waiting, seen, roots = [name], set(), set()
    while waiting:
        module = waiting.pop()
        if module not in SOURCES:
            roots.add(module.split(".")[0])
        elif module not in seen:
            seen.add(module)
            waiting.append(module.rpartition(".")[0] or module)
            for node in TREES[module].body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    waiting += [found for found, _ in imported(node)]
    return roots


@pytest.mark.parametrize(
    "name", ["facegate.errors", "facegate.cli", *(f"facegate.cli.{name}" for name in COMMANDS)]
)
def test_help_imports_nothing_heavy(name: str) -> None:
    """`facegate COMMAND --help` imports the command's file: its work is imported inside."""
    assert not imported_on_start(name) & HEAVY


def test_pillow_decodes_in_one_place() -> None:
    """Everything that opens an image goes through `read_photo` and its limits."""
    openers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Image.open", "cv2.imread")
    }
    assert not {name for name in openers if layer(name) in ("app", "models", "cli")}


def test_sql_is_written_in_the_gallery_and_the_servers_keys_alone() -> None:
    versions = {"facegate.doctor.machine", "facegate.doctor.examination"}  # ask for its version
    keys = {"facegate.server.access.database"}
    users = {
        name
        for name, tree in TREES.items()
        if any(module == "sqlite3" for module, _ in imported(tree))
        and not name.startswith("facegate.gallery")
    }
    assert users <= versions | keys


@pytest.mark.parametrize("name", [name for name in SOURCES if layer(name) != "cli"])
def test_only_the_command_line_prints_and_exits(name: str) -> None:
    body = [node for node in TREES[name].body if not ast.unparse(node).startswith(AS_PROGRAM)]
    calls = {
        ast.unparse(node.func)
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
    }
    assert not calls & {"print", "sys.exit", "exit", "quit", "os._exit"}


def test_every_folder_of_code_is_listed_as_a_package() -> None:
    """A folder that is not listed works in the checkout and is missing from the wheel."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in SOURCES.values()}
    assert len(set(listed)) == len(listed)
    assert set(listed) == {installed_name(folder / "__init__.py") for folder in folders}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", SOURCES)
def test_files_stay_readable(name: str) -> None:
    """The aim is 80 to 300 lines; past 400 there are two ideas in one file."""
    assert len(SOURCES[name].read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("name", SOURCES)
def test_functions_stay_under_50_lines(name: str) -> None:
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = (
                node.body[1].lineno if ast.get_docstring(node) and node.body[1:] else node.lineno
            )
            assert (node.end_lineno or 0) - start < 50, f"{name}.{node.name}"
