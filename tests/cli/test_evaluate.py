"""`gateway compliance evaluate` through its door: output, diagnostics, exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from victim_gateway.cli import main

EXAMPLE: dict[str, Any] = {
    "as_at": "2026-03-10T09:00:00+00:00",
    "facts": {
        "victim_basis": "direct",
        "date_of_birth": "1990-05-04",
        "offence_on": "2026-03-01",
        "enhanced": [{"category": "vulnerable_or_intimidated", "from": "2026-03-04", "to": None}],
        "conditions": {"offender_is_adult": True},
        "observers": ["partner"],
        "declined": [{"entitlement_id": "referred_to_support_service", "at": "2026-03-03T10:00:00+00:00"}],
        "withheld_for_safety": [
            {"entitlement_id": "told_suspect_arrested", "from": "2026-03-03T10:00:00+00:00", "until": None}
        ],
        "cancelled_at": None,
    },
    "events": [
        {
            "event": "suspect_arrested",
            "occurred_at": "2026-03-02T10:00:00+00:00",
            "recorded_at": "2026-03-02T12:00:00+00:00",
            "subject": "s1",
        }
    ],
}

ARREST = {"event": "suspect_arrested", "occurred_at": "2026-03-02T10:00"}


def run(file: Path, content: object = None) -> Result:
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.write_text(json.dumps(content), encoding="utf-8")
    return CliRunner().invoke(main, ["compliance", "evaluate", str(file)])


def test_the_example_of_the_contract(tmp_path: Path) -> None:
    result = run(tmp_path / "case.json", EXAMPLE)

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == [
        {
            "edition": "2020",
            "entitlement_id": "told_suspect_arrested",
            "right": "right_6",
            "owner": "police",
            "start_event": "suspect_arrested",
            "started_at": "2026-03-02T10:00:00+00:00",
            "subject": "s1",
            "unit": "working_day",
            "limit": 1,
            "enhanced": True,
            "due_on": "2026-03-05",
            "stop_event": "victim_told_suspect_arrested",
            "stopped_at": None,
            "status": "withheld_for_safety",
            "because": "Victims' Code 2020, paragraph 6.1: the police had 1 working day from Wednesday "
            "4 March 2026, when enhanced rights began, until Thursday 5 March 2026, to tell "
            "the victim that a suspect has been arrested, with reasons where there are any; it has been "
            "withheld since Tuesday 3 March 2026, to keep the victim safe.",
        }
    ]


def test_a_list_of_documents_gives_a_list_of_lists(tmp_path: Path) -> None:
    result = run(tmp_path / "cases.json", [EXAMPLE, {"as_at": "2026-03-10", "events": []}])

    first, second = json.loads(result.stdout)
    assert [clock["entitlement_id"] for clock in first] == ["told_suspect_arrested"]
    assert second == []


def test_what_is_ignored_is_said_on_standard_error_only(tmp_path: Path) -> None:
    result = run(tmp_path / "case.json", {**EXAMPLE, "version": 1})

    assert result.exit_code == 0
    assert result.stderr == f"{tmp_path / 'case.json'}: ignored the unknown key 'version'\n"
    assert len(json.loads(result.stdout)) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([{**EXAMPLE, "events": [{**ARREST, "event": "x"}]}], "document 1, event 1: unknown event 'x'"),
        ({**EXAMPLE, "as_at": "tomorrow"}, "as_at: unreadable time 'tomorrow'"),
        (
            {"as_at": "2029-01-01", "events": [{**ARREST, "occurred_at": "2028-01-05"}], "odd": 1},
            "suspect_arrested: 5 working days from 2028-01-05 can't be counted: "
            "the bank-holiday table covers 2013-01-01 to 2027-12-31",
        ),
        (b'{"as_at": NaN}', "not a JSON document: NaN is not a number in JSON"),
        (
            {**EXAMPLE, "events": [{**ARREST, "recorded_at": "2026-03-02T09:00"}]},
            "event 1, recorded_at: '2026-03-02T09:00' is before occurred_at",
        ),
        (
            [EXAMPLE, {**EXAMPLE, "facts": {"observers": ["police"]}}],
            "document 2, facts, observers: unknown observer 'police', must be one of gateway, mixed, partner, "
            "victim_report",
        ),
        (b"\x00\xff", "not a JSON document: it is not UTF-8 text"),
        (b"{", "not a JSON document: Expecting property name enclosed in double quotes at line 1, column 2"),
        (None, "No such file or directory"),
    ],
)  # fmt: skip
def test_unusable_input_ends_with_2_one_line_and_no_output(
    tmp_path: Path, content: object, reason: str
) -> None:
    result = run(tmp_path / "case.json", content)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"gateway: {tmp_path / 'case.json'}: {reason}\n"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    result = run(tmp_path)

    assert (result.exit_code, result.stderr) == (2, f"gateway: {tmp_path}: Is a directory\n")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert run(tmp_path / "a.json", EXAMPLE).stdout_bytes == run(tmp_path / "b.json", EXAMPLE).stdout_bytes
