"""The measures of the bench, in groups: each group is a function from a run to its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bench.bench_run import BenchRun
from bench.measurement import Measurement
from bench.measures import audit, background, figures, imports, lists, pages, serving, slips

Group = Callable[[BenchRun], Iterator[Measurement]]

GROUPS: Mapping[str, Group] = {
    "imports": imports.measure_imports,
    "queues": lists.measure_queues,
    "search": lists.measure_search,
    "slips": slips.measure_slips,
    "import-page": lists.measure_import_page,
    "compliance": figures.measure_compliance_pages,
    "reports": figures.measure_reports,
    "recompute": background.measure_recompute,
    "reminders": background.measure_reminders,
    "requests": serving.measure_requests,
    "commits": audit.measure_commits,
    "verify": audit.measure_verification,
    "memory": serving.measure_memory,
    "pages": pages.measure_every_page,
}
"""In the order in which they run ."""
