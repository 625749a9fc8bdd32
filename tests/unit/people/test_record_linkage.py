"""The linkage weighs like the rule for new records, and can reach nothing outside this process's memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config import load_settings
from victim_gateway.integrations.record_linkage import LinkageFailed, PopulationLinker
from victim_gateway.rules.identity_match import compare_identities, identity_record
from victim_gateway.rules.linkage_rows import linkage_row

duckdb = pytest.importorskip("duckdb", reason="the optional extra is not installed: make setup EXTRAS=splink")
WEIGHTS = load_settings().area.identity
ANY_WEIGHT = replace(
    WEIGHTS, most_sharing=50, population_pass=replace(WEIGHTS.population_pass, proposed_from=-100)
)
KATE = {
    "given_name": "Catherine",
    "family_name": "Quillby",
    "date_of_birth": "1984-05-04",
    "phone": "+447700900111",
    "email": "kate@example.org",
    "postcode": "ST16 2AA",
}
SECOND_RECORDS = (
    {},
    {"family_name": "Quilby"},
    {"given_name": "Kate", "phone": "+447700900112"},
    {"given_name": "C", "email": "kata@example.org"},
    {"given_name": "Catherine Ann", "postcode": "ST1 1AA"},
    {"given_name": "Quillby", "family_name": "Catherine", "date_of_birth": "1984-04-05"},
    {"date_of_birth": "1984-05-14", "phone": ""},
    {"date_of_birth": "1984-11-30", "email": ""},
    {"family_name": "Harrow", "date_of_birth": "1956-09-17"},
    {"given_name": "Beatrice"},
    {"given_name": "Beatrice", "family_name": "Harrow"},
    {"given_name": "Bea", "family_name": "Harrow", "alias": "Catherine Quillby"},
    {"date_of_birth": "", "phone": "+441785000000", "email": "other@example.org"},
)


def test_each_pair_weighs_what_the_rule_for_new_records_says() -> None:
    documents = [KATE, *(KATE | changes for changes in SECOND_RECORDS)]
    with PopulationLinker(ANY_WEIGHT) as linker:
        linker.add_rows([linkage_row(document) for document in documents[:5]])
        linker.add_rows([linkage_row(document) for document in documents[5:]])
        weighed = {pair.other: round(pair.match_weight, 6) for pair in linker.link() if pair.one == 0}

    own = identity_record(KATE)
    assert weighed == {
        number: round(compare_identities(own, identity_record(document), WEIGHTS).match_weight, 6)
        for number, document in enumerate(documents)
        if number
    }


def test_a_number_that_many_people_have_says_nothing() -> None:
    hostel = [
        {"given_name": name, "family_name": f"Of{name}", "date_of_birth": "", "phone": "+441785000001"}
        for name in ("Ada", "Bert", "Cleo", "Dora", "Egon", "Fritz", "Greta")
    ]
    with PopulationLinker(replace(ANY_WEIGHT, most_sharing=5)) as linker:
        linker.add_rows([linkage_row(document) for document in hostel])

        assert linker.link() == []


def test_nothing_can_be_written_read_or_switched_on_again(tmp_path: Path) -> None:
    with PopulationLinker(WEIGHTS) as linker:
        linker.add_rows([linkage_row(KATE)])
        for statement in (
            f"COPY population TO '{tmp_path / 'population.csv'}'",
            "SELECT * FROM read_csv('/etc/passwd')",
            f"ATTACH '{tmp_path / 'file.db'}'",
            "INSTALL httpfs",
            f"SET temp_directory = '{tmp_path}'",
            "SET enable_external_access = true",
            "SET memory_limit = '100GB'",
        ):
            with pytest.raises(duckdb.Error):
                linker._connection.execute(statement)
        spills_to = linker._connection.execute("SELECT current_setting('temp_directory')").fetchone()

    assert spills_to == ("",)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_names_its_kind_and_no_value() -> None:
    with PopulationLinker(WEIGHTS) as linker, pytest.raises(LinkageFailed) as failed:
        linker.add_rows([replace(linkage_row(KATE), email="katharine\ud800")])

    assert str(failed.value) == "the linkage broke off (UnicodeEncodeError)"
    assert failed.value.__cause__ is None
