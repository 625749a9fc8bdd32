"""The source tree as the rule tests read it: modules, what each imports, and the identifiers it defines."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOM_NAMES = ("victim_gateway", "workers", "config")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class SourceModule:
    """One Python file, parsed."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def package(self) -> str:
        """The package whose code this is; a package's `__init__.py` belongs to the package itself."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


def read_modules(root: Path = ROOT, rooms: Iterable[str] = ROOM_NAMES) -> list[SourceModule]:
    """Every module of the rooms below `root`, in order of its path."""
    return [_read_module(root, path) for room in rooms for path in sorted((root / room).rglob("*.py"))]


def _read_module(root: Path, path: Path) -> SourceModule:
    parts = path.relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return SourceModule(name, path, _parse_text(path.read_text()), is_package)


@cache
def _parse_text(source: str) -> ast.Module:
    """The tree of a source text; many tests read the same hundreds of files."""
    return ast.parse(source)


def imported_modules(module: SourceModule, known: set[str]) -> Iterator[str]:
    """The modules that one module imports, inside functions too, but not those for type checking only."""
    for node in _nodes_at_run_time(module.tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _imported_base(module, node)
            for name in node.names:
                full = f"{base}.{name.name}"
                # `from package import module` imports the module; `from module import name` its file.
                yield full if full in known else base


def _imported_base(module: SourceModule, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _nodes_at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for otherwise in node.orelse:
                yield otherwise
                yield from _nodes_at_run_time(otherwise)
            continue
        yield node
        yield from _nodes_at_run_time(node)


def nodes_of(module: SourceModule) -> tuple[ast.AST, ...]:
    """Every node of a module's tree, in the order of `ast.walk`."""
    return _walked(module.tree)


@cache
def _walked(tree: ast.Module) -> tuple[ast.AST, ...]:
    # To walk a tree takes longer than to parse it, and each rule looks at all of them.
    return tuple(ast.walk(tree))


def functions_of(module: SourceModule) -> Iterator[Function]:
    """Every function of a module, methods and inner ones too."""
    return (node for node in nodes_of(module) if isinstance(node, Function))


def classes_of(module: SourceModule) -> Iterator[ast.ClassDef]:
    """Every class of a module, inner ones too."""
    return (node for node in nodes_of(module) if isinstance(node, ast.ClassDef))


def identifiers_of(module: SourceModule) -> Iterator[str]:
    """Every name that a module gives or uses: variables, parameters, attributes, keywords, functions, classes.

    Form fields and columns are among them. Tests are left out: their names are sentences.
    """
    for node in nodes_of(module):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if not name.startswith("test_"):
                yield name
            case ast.alias(name=name, asname=given):
                yield given or name.rpartition(".")[2]
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name


def tracked_files(root: Path = ROOT) -> list[str]:
    """The files that git knows, and new ones that it does not ignore; outside a checkout every file."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        return sorted(name for name in listing.stdout.splitlines() if (root / name).is_file())
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
