"""The query string of a list page: chosen filters, the page number, and links that change one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_wtf import FlaskForm
from wtforms import Field, SelectField, SelectMultipleField
from wtforms.meta import DefaultMeta

from victim_gateway.web.fields import PARTS, GovDateField
from victim_gateway.web.filters import long_date
from victim_gateway.web.forms import error_anchor
from victim_gateway.web.labels import SelectChoice

PAGE_SIZE = 50
_FURTHEST = 100_000


@dataclass(frozen=True, slots=True)
class Paging:
    """One page of a long list. `number` starts at 1; `total` counts the whole list."""

    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return min((self.number - 1) * self.size + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.number * self.size, self.total)

    def page_numbers(self) -> list[int | None]:
        """The page numbers to show, None for a gap: first, last, this one and its neighbours."""
        shown = sorted({1, self.pages, *range(max(1, self.number - 1), min(self.pages, self.number + 1) + 1)})
        out: list[int | None] = []
        for number in shown:
            if out and out[-1] is not None and number - out[-1] > 1:
                out.append(None)
            out.append(number)
        return out


@dataclass(frozen=True, slots=True)
class PositionPaging:
    """One page of a list that goes on from the position of a row, whatever number it has by now.

    `first` is the number of the first row as the reader turned the pages. `total` counts the whole list, or is one
    more than MOST_COUNTED for a list that is longer. `before` and `after` are positions, None where nothing is there.
    """

    first: int
    shown: int
    total: int
    before: str | None = None
    after: str | None = None

    @property
    def last(self) -> int:
        return self.first + self.shown - 1

    @property
    def is_whole(self) -> bool:
        return self.before is None and self.after is None

    @property
    def previous_url(self) -> str | None:
        """The page before this one; an address that turns out to be of the first page leads on to it."""
        if self.before is None:
            return None
        return with_query(before=self.before, after=None, first=max(1, self.first - PAGE_SIZE))

    @property
    def next_url(self) -> str | None:
        if self.after is None:
            return None
        return with_query(after=self.after, before=None, first=self.last + 1)


@dataclass(frozen=True, slots=True)
class FilterChip:
    """One chosen filter: the field's label, the chosen text, and the address without it."""

    label: str
    text: str
    url: str


def page_number() -> int:
    """`?page=`, at least 1; an invalid number gives the first page."""
    text = request.args.get("page", "1")
    return min(max(int(text), 1), _FURTHEST) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def page_offset(size: int = PAGE_SIZE) -> int:
    """How many rows a query skips for the requested page."""
    return (page_number() - 1) * size


def is_beside_the_list(
    position: object | None, *, is_before: bool, before: object | None, shown: int
) -> bool:
    """Whether the page of a position is to be the first page: nothing stands there any more, or nothing before it.

    An empty page would say that nothing waits while the pages before it are full, and the first page has more on it
    than its rows.
    """
    return position is not None and (shown == 0 or (is_before and before is None))


def first_page_url() -> str:
    """This address without a position: the first page, with the same filters."""
    return with_query()


def paging_of(before: object | None, after: object | None, shown: int, total: int) -> PositionPaging:
    """The paging of the requested page, from the positions on both sides of it."""
    return PositionPaging(
        first_number() if before else 1,
        shown,
        total,
        str(before) if before else None,
        str(after) if after else None,
    )


def first_number() -> int:
    """`?first=`: the number of the first row of the page, as the link to it said; 1 where it is none."""
    text = request.args.get("first", "1")
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def with_query(**changes: Any) -> str:
    """This page's address with some of its query changed; None takes one away. It starts at page 1 again."""
    start: dict[str, Any] = {"page": None, "before": None, "after": None, "first": None}
    args: dict[str, Any] = {**request.args.to_dict(flat=False), **start, **changes}
    kept = {name: value for name, value in args.items() if value not in (None, "", [])}
    # A query that has the name of a part of the path says nothing: the path does.
    return url_for(str(request.endpoint), **{**kept, **(request.view_args or {})})


class QueryForm(FlaskForm):  # type: ignore[misc]
    """A form of filters, read from the address. A choice that doesn't exist counts as none."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        csrf = False

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            return formdata

        def build_csrf(self, form: Any) -> Any:
            return DefaultMeta.build_csrf(self, form)

    def __init__(self, *, choices: Mapping[str, Sequence[SelectChoice]] | None = None, **kwargs: Any) -> None:
        """`choices` by field name, for fields whose choices are known only at the request."""
        super().__init__(formdata=request.args, **kwargs)
        for name, offered in (choices or {}).items():
            self[name].choices = list(offered)
        self.validate()
        for field in self:
            if field.errors:
                field.data = [] if isinstance(field, SelectMultipleField) else None
                if isinstance(field, SelectField):
                    # An empty filter is valid.
                    field.errors = []

    def error_summary(self) -> list[dict[str, str]]:
        """The invalid filters with links to their fields; the list is shown without them."""
        return [
            {"text": field.errors[0], "href": f"#{error_anchor(field)}"} for field in self if field.errors
        ]

    def filter_chips(self) -> list[FilterChip]:
        """The chosen filters, each with the address that removes it."""
        return [chip for field in self for chip in _chips(field)]


def _chips(field: Field) -> Iterator[FilterChip]:
    label = field.label.text
    if not field.data:
        return
    if isinstance(field, SelectMultipleField):
        for value in field.data:
            left = [other for other in request.args.getlist(field.name) if other != str(value)]
            yield FilterChip(label, _choice_label(field, value), with_query(**{field.name: left}))
    elif isinstance(field, GovDateField):
        gone: Mapping[str, None] = {f"{field.name}-{part}": None for part in PARTS}
        yield FilterChip(label, long_date(field.data), with_query(**gone))
    else:
        text = _choice_label(field, field.data) if isinstance(field, SelectField) else str(field.data)
        yield FilterChip(label, text, with_query(**{field.name: None}))


def _choice_label(field: Any, value: Any) -> str:
    return next((c.label for c in field.iter_choices() if str(c.value) == str(value)), str(value))
