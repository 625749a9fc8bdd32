"""Names explain themselves: verb and noun, no class name twice, no riddle words, no old name anywhere."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.rules.source_tree import (
    ROOM_NAMES,
    ROOT,
    Function,
    SourceModule,
    classes_of,
    functions_of,
    identifiers_of,
    nodes_of,
    read_modules,
    tracked_files,
)

MOST_PARAMETERS = 7
MOST_ONE_WORD_NAMES = 0.10
ROUTE_OR_COMMAND = (".route", ".get", ".post", "command", "group", ".task", "before_", "after_")

# In names they say what a reader feels, not what a thing is.
RIDDLES = frozenset(
    "somebody nobody nobodys whoever doubt doubts doubted doubtful strange stranger news"
    " act acts words way ways turn turns piece pieces".split()
)
# No module, class or function is named after a word; a variable may hold one, such as a code word.
RIDDLES_IN_DEFINITIONS = RIDDLES | {"word"}
# `held` is a state of a referral, and `told` what a victim was told: these names say so, no other may.
DOMAIN_RIDDLES = frozenset({"held", "told"})
DOMAIN_NAMES = frozenset(
    "HELD HeldReason held held_reason can_be_held already_held held_reasons set_held_reasons"
    " TOLD _TOLD ToldForm told_at told_on victim_was_told record_victim_was_told record_told_by_police"
    " may_be_told".split()
)

TEMPLATE_NAMES = (
    re.compile(r"\b(?:form|filters)\.(\w+)"),
    re.compile(r"\{%-?\s*set\s+(\w+)"),
    re.compile(r"\{%-?\s*for\s+([\w\s,]+?)\s+in\s"),
    re.compile(r"\{%-?\s*macro\s+([^%]*?)-?%\}"),
)

_WORD = re.compile(r"\w+")
GLOSSARY = "docs/glossary.md"
OLD_NAMES_HEADING = "## Old names"
# Migrations are never rewritten, the list of changes tells of the past, and the glossary names what it bans.
NOT_READ = ("migrations/versions/", "CHANGELOG.md", GLOSSARY, "package-lock.json", "requirements/")


@pytest.fixture(scope="module")
def modules() -> list[SourceModule]:
    return read_modules()


def public_functions(modules: Iterable[SourceModule]) -> list[str]:
    """Functions that other modules may call by name; routes, commands and tasks are called by other means."""
    return [
        node.name
        for module in modules
        for node in module.tree.body
        if isinstance(node, Function) and not node.name.startswith("_") and not _is_entry_point(node)
    ]


def _is_entry_point(function: Function) -> bool:
    return any(
        mark in ast.unparse(decorator) for decorator in function.decorator_list for mark in ROUTE_OR_COMMAND
    )


def share_of_one_word_names(modules: Iterable[SourceModule]) -> float:
    names = public_functions(modules)
    return sum("_" not in name for name in names) / len(names)


def repeated_classes(modules: Iterable[SourceModule]) -> set[str]:
    """Class names that stand more than once. `Meta` is WTForms' own word for a form's settings."""
    count = Counter(node.name for module in modules for node in classes_of(module) if node.name != "Meta")
    return {name for name, number in count.items() if number > 1}


def aliased_imports(modules: Iterable[SourceModule]) -> set[str]:
    """Our own names that a module imports under another name."""
    return {
        f"{module.name}: {name.name} as {name.asname}"
        for module in modules
        for node in nodes_of(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
        if name.asname and name.asname != name.name and _is_ours(node, name)
    }


def _is_ours(node: ast.Import | ast.ImportFrom, name: ast.alias) -> bool:
    source = name.name if isinstance(node, ast.Import) else node.module or ""
    return source.partition(".")[0] in ROOM_NAMES or (isinstance(node, ast.ImportFrom) and node.level > 0)


def classes_inside_functions(modules: Iterable[SourceModule]) -> set[str]:
    return {
        f"{function.name}.{node.name}"
        for module in modules
        for function in functions_of(module)
        for node in ast.walk(function)
        if isinstance(node, ast.ClassDef)
    }


def functions_with_too_many_parameters(modules: Iterable[SourceModule]) -> set[str]:
    return {
        f"{module.name}.{function.name}"
        for module in modules
        for function in functions_of(module)
        if parameter_count(function) > MOST_PARAMETERS
    }


def parameter_count(function: Function) -> int:
    """The parameters that a caller gives, `self` and `cls` aside."""
    arguments = function.args
    named = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"]))


def names_with_riddles(modules: Iterable[SourceModule]) -> set[str]:
    """Modules, classes and functions whose names hold a word of `RIDDLES_IN_DEFINITIONS`."""
    return {
        f"{module.name}.{name}"
        for module in modules
        for name in _defined_names(module)
        if RIDDLES_IN_DEFINITIONS & set(identifier_parts(name))
    }


def _defined_names(module: SourceModule) -> Iterator[str]:
    yield module.name.rpartition(".")[2]
    yield from (node.name for node in functions_of(module))
    yield from (node.name for node in classes_of(module))


def identifiers_with_riddles(modules: Iterable[SourceModule]) -> set[str]:
    """Variables, parameters, attributes, keywords and form fields that hold a word of `RIDDLES`, or `held`, `told`."""
    return {
        f"{module.name}: {name}"
        for module in modules
        for name in {*identifiers_of(module), *_fields_of_refusals(module)}
        if is_riddle(name)
    }


@cache
def is_riddle(name: str) -> bool:
    parts = set(identifier_parts(name))
    return bool(RIDDLES & parts) or (bool(DOMAIN_RIDDLES & parts) and name not in DOMAIN_NAMES)


def _fields_of_refusals(module: SourceModule) -> Iterator[str]:
    """The form fields that a refusal names: the keys of `fields={...}`."""
    for node in nodes_of(module):
        if isinstance(node, ast.keyword) and node.arg == "fields" and isinstance(node.value, ast.Dict):
            yield from (str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))


def riddles_in_template(template: str) -> set[str]:
    """Form fields, variables and parameters of macros in a template that hold such a word."""
    named = (found[1] for pattern in TEMPLATE_NAMES for found in pattern.finditer(template))
    return {name for text in named for name in re.findall(r"[A-Za-z_]\w*", text) if is_riddle(name)}


def identifier_parts(name: str) -> list[str]:
    """The parts of a name in snake or camel case, in lower case."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def old_names(glossary: str) -> list[str]:
    """The names in the first column of the glossary's table of old names."""
    table = glossary.partition(OLD_NAMES_HEADING)[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def old_name_pattern(name: str) -> re.Pattern[str]:
    """What finds an old name: a path also as a dotted module, anything else as a whole identifier."""
    if not name.endswith((".py", "/")):
        return re.compile(f"{_edge(name[0])}{re.escape(name)}{_edge(name[-1])}")
    folder, _, module = f"victim_gateway/{name}".removesuffix(".py").rstrip("/").rpartition("/")
    dotted = re.escape(f"{folder}.{module}".replace("/", "."))
    taken_from = rf"{re.escape(folder.replace('/', '.'))} import [^\n]*\b{re.escape(module)}"
    return re.compile(rf"(?<!\w){re.escape(name)}|\b(?:{dotted}|{taken_from})(?!\w)")


def _edge(character: str) -> str:
    """No identifier goes on here; nothing where the name itself ends with a bracket."""
    return r"\b" if character.isalnum() or character == "_" else ""


def places_of_old_names(root: Path, names: Iterable[str]) -> list[str]:
    """Where an old name still stands: file, line, name."""
    by_word: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name in names:
        by_word.setdefault(_last_word(name), []).append((name, old_name_pattern(name)))
    return [
        f"{file}:{text.count(chr(10), 0, found.start()) + 1}: {name}"
        for file, text in _texts(root)
        # Wherever a name stands its last word stands as a whole: that spares nearly every search.
        for word in sorted(by_word.keys() & set(_WORD.findall(text)))
        for name, pattern in by_word[word]
        for found in pattern.finditer(text)
    ]


def _last_word(name: str) -> str:
    return _WORD.findall(name.removesuffix(".py"))[-1]


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    for file in tracked_files(root):
        content = (root / file).read_bytes()
        if not file.startswith(NOT_READ) and b"\0" not in content:
            yield file, content.decode(errors="replace")


def test_public_functions_are_a_verb_and_a_noun(modules: list[SourceModule]) -> None:
    assert share_of_one_word_names(modules) < MOST_ONE_WORD_NAMES


def test_no_class_name_stands_twice(modules: list[SourceModule]) -> None:
    assert repeated_classes(modules) == set()


def test_no_import_gives_a_name_of_ours_another_name(modules: list[SourceModule]) -> None:
    assert aliased_imports(modules) == set()


def test_no_class_is_made_inside_a_function(modules: list[SourceModule]) -> None:
    assert classes_inside_functions(modules) == set()


def test_no_function_takes_more_than_seven_parameters(modules: list[SourceModule]) -> None:
    assert functions_with_too_many_parameters(modules) == set()


def test_no_module_class_or_function_is_named_in_riddles(modules: list[SourceModule]) -> None:
    assert names_with_riddles(modules) == set()


def test_no_variable_parameter_attribute_or_form_field_is_named_in_riddles() -> None:
    everything = read_modules(rooms=(*ROOM_NAMES, "tests", "bench"))
    assert identifiers_with_riddles(everything) == set()
    in_use = {name for module in everything for name in identifiers_of(module)}
    assert in_use >= DOMAIN_NAMES


def test_no_template_names_a_field_or_a_variable_in_riddles() -> None:
    templates = [file for file in tracked_files(ROOT) if "/templates/" in file and file.endswith(".html")]
    assert len(templates) > 50
    assert {
        file: found for file in templates if (found := riddles_in_template((ROOT / file).read_text()))
    } == {}


def test_no_old_name_is_left_in_code_tests_templates_or_documents() -> None:
    names = old_names((ROOT / GLOSSARY).read_text())
    assert len(names) > 50
    assert places_of_old_names(ROOT, names) == []


@pytest.fixture
def invented(tmp_path: Path) -> Path:
    room = tmp_path / "room"
    room.mkdir()
    (room / "pieces.py").write_text(
        "from victim_gateway.times import now as moment\n"
        "from datetime import datetime as stamp\n"
        "class Summary:\n    class Meta: ...\n    def add(self, a, b, c, d, e, f, g): ...\n"
        "def record(a, *, b, c, d, e, f, g, h):\n    class Line: ...\n"
        "def why_rows(): ...\ndef make_row(): ...\n"
        "@bp.get('/')\ndef home(): ...\n"
    )
    (room / "other.py").write_text("class Summary:\n    class Meta: ...\n\ndef _nobodysRow(): ...\n")
    return tmp_path


def test_each_kind_of_bad_name_is_found(invented: Path) -> None:
    modules = read_modules(invented, ["room"])
    assert public_functions(modules) == ["record", "why_rows", "make_row"]
    assert share_of_one_word_names(modules) == pytest.approx(1 / 3)
    assert repeated_classes(modules) == {"Summary"}
    assert aliased_imports(modules) == {"room.pieces: now as moment"}
    assert classes_inside_functions(modules) == {"record.Line"}
    assert functions_with_too_many_parameters(modules) == {"room.pieces.record"}
    assert names_with_riddles(modules) == {"room.pieces.pieces", "room.other._nobodysRow"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("words = 1", {"words"}),
        ("for way in channels: ...", {"way"}),
        ("def send(act, *, news): ...", {"act", "news"}),
        ("send(turn=1)", {"turn"}),
        ("form.strange_news.data", {"strange_news"}),
        ("class AskForm:\n    words = TextAreaField()", {"words"}),
        ("raise InvalidInput(text, fields={'words': text})", {"words"}),
        ("from rows import next_piece", {"next_piece"}),
        ("with lock() as told: ...", {"told"}),
        ("told = read()", {"told"}),
        ("referral.held_reason = told_on", set()),
        ("document['words'] = code_word", set()),
        ("def test_two_acts_in_turn(): ...", set()),
    ],
)
def test_each_kind_of_riddle_in_an_identifier_is_found(tmp_path: Path, source: str, found: set[str]) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "file.py").write_text(source)
    assert identifiers_with_riddles(read_modules(tmp_path, ["room"])) == {
        f"room.file: {name}" for name in found
    }


def test_each_kind_of_riddle_in_a_template_is_found() -> None:
    template = (
        "{{ textarea(form.turns) }} {{ select(filters.next_act) }} {% set told %}x{% endset %}"
        "{%- for part, ways in parts %}{% endfor %}{% macro row(news, kind=none) -%}{% endmacro %}"
        "{{ shared.words }} {{ form.told_on }} <p>In their own words</p>"
    )
    assert riddles_in_template(template) == {"turns", "next_act", "told", "ways", "news"}


def test_old_names_are_read_from_the_first_column_only() -> None:
    glossary = (
        "| `kept` | a term |\n## Old names\n| old | now |\n|---|---|\n"
        "| `services/attic.py`, `fetch_row` | `next_action.py` |\n## After\n| `later` | x |\n"
    )
    assert old_names(glossary) == ["services/attic.py", "fetch_row"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("services/attic.py", "see victim_gateway/services/attic.py for it"),
        ("services/attic.py", "import victim_gateway.services.attic"),
        ("attic.py", "from victim_gateway import attic"),
        ("services/attic.py", "from victim_gateway.services import people, attic"),
        ("cellar/", "victim_gateway/integrations/cellar/home.py"),
        ("fetch_row", "rows.fetch_row(session)"),
        ("class Lodger", "class Lodger(NamedTuple):"),
    ],
)
def test_an_old_name_is_found_in_each_form(name: str, text: str) -> None:
    assert old_name_pattern(name).search(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("services/attic.py", "from victim_gateway.services.attic_rooms import rows"),
        ("services/attic.py", "the services attic"),
        ("fetch_row", "fetch_row_again(session)"),
        ("class Lodger", "Lodger filters"),
    ],
)
def test_a_new_name_and_plain_english_are_not_taken_for_an_old_name(name: str, text: str) -> None:
    assert not old_name_pattern(name).search(text)


def test_an_old_name_is_found_in_the_files_of_a_tree_but_not_in_its_migrations(tmp_path: Path) -> None:
    for file in ("docs/how.md", "migrations/versions/0001_schema.py", "CHANGELOG.md"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("first\nthe old_table\n")
    assert places_of_old_names(tmp_path, ["old_table"]) == ["docs/how.md:2: old_table"]
