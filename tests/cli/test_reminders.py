"""`gateway reminders run`: only the present moment is acted on."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from victim_gateway.cli import main


@pytest.mark.parametrize("moment", ["2024-03-05", "2040-01-01T09:00"])
def test_another_moment_is_refused_in_one_line_unless_it_is_only_looked_at(moment: str) -> None:
    ran = CliRunner().invoke(main, ["reminders", "run", "--at", moment])

    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "--at goes only with --dry-run" in ran.stderr
