"""Imports point one way at any depth, no module of the root stands outside the layers, areas are named alike."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path

from tests.rules.source_tree import ROOT, SourceModule, imported_modules, read_modules

AREAS = {
    "accounts",
    "compliance",
    "imports",
    "messages",
    "onward_referrals",
    "operations",
    "people",
    "privacy",
    "providers",
    "referrals",
    "reminders",
    "victim_messages",
}
PURE_ROOMS = {"compliance", "feeds", "reporting", "rules"}
FLOORS = {
    "victim_gateway/services": AREAS | {"shared"},
    "victim_gateway/queries": AREAS,
    "victim_gateway/blueprints": AREAS,
    "tests/web": AREAS,
    "tests/integration": AREAS | PURE_ROOMS | {"database", "demo", "devservers", "shared"},
    "tests/unit": AREAS | PURE_ROOMS | {"blueprints", "database", "demo", "devservers", "schemas", "web"},
}
# A task file is named after its area; these carry the tasks instead.
WORKER_PLUMBING = {
    "__init__",
    "_checked_consumer",
    "_checked_transport",
    "_heartbeat",
    "_item_check",
    "_watch",
    "beat",
    "celery_app",
    "heartbeat_task",
}


def mutual_imports(modules: list[SourceModule]) -> set[tuple[str, str]]:
    """Pairs of packages that import each other, at any depth; a package and one inside it are no pair."""
    packages = {module.name: _packages_above(module) for module in modules}
    known = set(packages)
    between = {
        pair
        for module in modules
        for target in imported_modules(module, known)
        if target in known
        for pair in _package_pairs(packages[module.name], packages[target])
    }
    return {(left, right) for left, right in between if left < right and (right, left) in between}


def _packages_above(module: SourceModule) -> list[str]:
    """The packages that a module stands in, the outermost first; a package stands in itself."""
    parts = module.package.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _package_pairs(sources: list[str], targets: list[str]) -> list[tuple[str, str]]:
    return [
        (source, target)
        for source in sources
        for target in targets
        if not f"{target}.".startswith(f"{source}.") and not f"{source}.".startswith(f"{target}.")
    ]


def modules_without_layer(root: Path) -> set[str]:
    """Modules and packages at the root of `victim_gateway` that no layer of the import contract names."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["name"] == "rooms point downwards")
    named = {name.strip() for layer in layers for name in layer.replace(":", "|").split("|")}
    found = {path.stem for path in (root / "victim_gateway").glob("*.py") if path.stem != "__init__"}
    found |= {
        path.name for path in (root / "victim_gateway").iterdir() if path.is_dir() and any(path.rglob("*.py"))
    }
    return {f"victim_gateway.{name}" for name in found} - named


def misnamed_areas(root: Path) -> set[str]:
    """Folders of a floor, and task files, that carry no area's name."""
    folders = {
        f"{floor}/{path.name}"
        for floor, allowed in FLOORS.items()
        for path in (root / floor).glob("*/")
        if any(path.rglob("*.py")) and path.name not in allowed
    }
    tasks = {
        f"workers/{path.name}"
        for path in (root / "workers").glob("*.py")
        if path.stem not in AREAS | WORKER_PLUMBING
    }
    return folders | tasks


def loose_files(root: Path) -> set[str]:
    """Files on a floor of areas that stand in no area's folder."""
    return {
        f"{floor}/{path.name}"
        for floor in ("victim_gateway/services", "victim_gateway/queries", "victim_gateway/blueprints")
        for path in (root / floor).glob("*.py")
        if path.name != "__init__.py"
    }


def test_no_two_packages_import_each_other() -> None:
    assert mutual_imports(read_modules()) == set()


def test_every_module_of_the_root_stands_in_a_layer() -> None:
    assert modules_without_layer(ROOT) == set()


def test_every_floor_names_its_areas_alike() -> None:
    assert misnamed_areas(ROOT) == set()


def test_no_service_query_or_page_stands_outside_an_area() -> None:
    assert loose_files(ROOT) == set()


def test_packages_that_import_each_other_are_found_at_any_depth(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "room/__init__.py": "",
            "room/a/__init__.py": "",
            "room/a/deep/__init__.py": "",
            "room/a/deep/one.py": "def late() -> None:\n    from room.b import two\n",
            "room/b/two.py": "from ..a.other import VALUE\n",
            "room/a/other.py": "VALUE = 1\n",
            "room/c/three.py": "import room.a.other\n",
        },
    )
    found = mutual_imports(read_modules(tmp_path, ["room"]))
    assert found == {("room.a", "room.b")}


def test_an_import_for_type_checking_and_one_from_the_package_around_are_no_cycle(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "room/__init__.py": "from room.a import one\n",
            "room/a/one.py": "import room\nfrom room.b.two import VALUE\n",
            "room/b/two.py": (
                "from typing import TYPE_CHECKING\nVALUE = 1\nif TYPE_CHECKING:\n    from room.a import one\n"
            ),
        },
    )
    assert mutual_imports(read_modules(tmp_path, ["room"])) == set()


def test_a_module_that_no_layer_names_is_found(tmp_path: Path) -> None:
    contract = '[[tool.importlinter.contracts]]\nname = "rooms point downwards"\ntype = "layers"\n'
    write_tree(
        tmp_path,
        {
            "pyproject.toml": contract + 'layers = ["victim_gateway.web | victim_gateway.times"]\n',
            "victim_gateway/__init__.py": "",
            "victim_gateway/times.py": "",
            "victim_gateway/stray.py": "",
            "victim_gateway/web/forms.py": "",
            "victim_gateway/attic/old.py": "",
            "victim_gateway/static/built/app.css": "",
        },
    )
    assert modules_without_layer(tmp_path) == {"victim_gateway.stray", "victim_gateway.attic"}


def test_a_folder_that_is_no_area_and_a_loose_file_are_found(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "victim_gateway/services/referrals/status.py": "",
            "victim_gateway/services/shared/tasks.py": "",
            "victim_gateway/queries/shared/lists.py": "",
            "victim_gateway/blueprints/casework/routes.py": "",
            "victim_gateway/queries/lists.py": "",
            "tests/web/referrals/test_pages.py": "",
            "tests/integration/feeds/test_files.py": "",
            "workers/beat.py": "",
            "workers/letters.py": "",
        },
    )
    assert misnamed_areas(tmp_path) == {
        "victim_gateway/queries/shared",
        "victim_gateway/blueprints/casework",
        "workers/letters.py",
    }
    assert loose_files(tmp_path) == {"victim_gateway/queries/lists.py"}


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_the_floors_and_rooms_that_these_tests_walk_are_there() -> None:
    by_room: dict[str, int] = defaultdict(int)
    for module in read_modules():
        by_room[module.name.partition(".")[0]] += 1
    assert all(by_room[room] > 3 for room in ("victim_gateway", "workers", "config"))
    assert [floor for floor in FLOORS if not (ROOT / floor).is_dir()] == []
