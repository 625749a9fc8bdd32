"""The base of every form: safe against forged, repeated and stale sends, one way to show errors."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.datastructures import CombinedMultiDict
from wtforms import Field, FieldList, FormField, HiddenField, PasswordField, StringField, TextAreaField
from wtforms.meta import DefaultMeta
from wtforms.validators import Length, ValidationError
from wtforms.widgets import HiddenInput

from victim_gateway import times
from victim_gateway.errors import AlreadyDone, GatewayError, NotAllowed, NotFound, StaleVersion
from victim_gateway.services.shared.command import Command
from victim_gateway.web import flashes
from victim_gateway.web.sessions import signed_in_actor

# Flask-WTF's own mark for "nothing was given": the form is filled from the request.
_AS_SENT = inspect.signature(FlaskForm.__init__).parameters["formdata"].default
LONGEST_LINE = 500
LONGEST_TEXT = 20_000
OUT_OF_DATE = "This page is out of date. Check what you typed and send it again."


class _PlainMessages:
    """WTForms' own messages in our words; a message that a form gives itself passes unchanged."""

    _MESSAGES: ClassVar[Mapping[str, str]] = {
        "This field is required.": "Enter an answer",
        "Not a valid choice.": "Choose one of the answers",
        "Invalid Choice: could not coerce.": "Choose one of the answers",
        "Invalid choice(s): one or more data inputs could not be coerced.": "Choose from the answers",
        "'%(value)s' is not a valid choice for this field.": "Choose from the answers",
        "'%(value)s' are not valid choices for this field.": "Choose from the answers",
        "Not a valid integer value.": "Enter a whole number, like 3",
        "Not a valid decimal value.": "Enter a number, like 2.5",
        "Not a valid float value.": "Enter a number, like 2.5",
        "Invalid email address.": "Enter an email address, like name@example.com",
        "Field cannot be longer than %(max)d character.": "Shorten this to %(max)d character",
        "Field cannot be longer than %(max)d characters.": "Shorten this to %(max)d characters",
    }

    def gettext(self, text: str) -> str:
        return self._MESSAGES.get(text, text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


def clean_text(value: Any) -> Any:
    """Spaces around the text, Windows line ends and control characters are nobody's answer."""
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in value if c in "\n\t" or (ord(c) >= 32 and ord(c) != 127)).strip()


class _SubmissionId(Field):
    """The random name of one sending of one form, so that sending it twice does its work once."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        # Absent (a POST made by hand) is a new sending; the forgery token still protects it.
        self.data = uuid4()
        if valuelist and valuelist[0]:
            try:
                self.data = UUID(valuelist[0])
            except ValueError as error:
                raise ValidationError(OUT_OF_DATE) from error


class _Version(Field):
    """The version of the record that the user saw when the page was opened, or None."""

    widget = HiddenInput()
    data: int | None

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if valuelist and valuelist[0]:
            try:
                self.data = int(valuelist[0])
            except ValueError as error:
                raise ValidationError(OUT_OF_DATE) from error


class BaseForm(FlaskForm):  # type: ignore[misc]
    """What a person typed; `command()` is what the service is told beside it.

    A form that acts on a record carries the version that the user saw; one that only adds something says
    `is_versioned = False`, and nothing is compared.
    """

    is_versioned: ClassVar[bool] = True
    can_be_kept_at_once: ClassVar[bool] = True
    """Whether a stale save offers to save one's own answers all the same with one button. Not where safety hangs on
    each answer, or where saving takes a step more."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Field:
            field: Field = DefaultMeta.bind_field(self, form, unbound_field, options)
            if isinstance(field, StringField) and not isinstance(field, PasswordField | HiddenField):
                field.filters = [clean_text, *field.filters]
            return field

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            # Given: a form that shows what is saved is not filled from what was sent.
            if formdata is not _AS_SENT:
                return formdata
            # Only what a browser's form sends, and an empty send is still a send.
            if request.method in ("GET", "HEAD"):
                return None
            return CombinedMultiDict((request.files, request.form))

        def get_translations(self, form: Any) -> Any:
            return _PlainMessages()

    submission_id = _SubmissionId(default=uuid4)
    version = _Version()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refusal: GatewayError | None = None
        self.saved_now: BaseForm | None = None
        self.not_shown: tuple[str, ...] = ()
        self.loosens = False

    @property
    def seen_version(self) -> int:
        """The version of the record that the user saw; one that no record has, where the form tells none."""
        return -1 if self.version.data is None else self.version.data

    def command(self, at: datetime | None = None) -> Command:
        """Who sends the form, when, which sending it is, and which version they saw.

        `at` is the moment of the request where the route has read it already.
        """
        return Command(
            actor=signed_in_actor(),
            at=at or times.now(),
            submission_id=self.submission_id.data,
            version=self.seen_version if self.is_versioned else None,
        )

    @property
    def is_stale(self) -> bool:
        """Somebody saved the record after this page was opened."""
        return isinstance(self.refusal, StaleVersion)

    @property
    def is_resumed(self) -> bool:
        """Whether the page is opened with the answers of a draft, which nothing that is saved may replace."""
        return False

    @property
    def offers_to_keep(self) -> bool:
        """Whether one button may save what was typed over what is saved now."""
        return self.can_be_kept_at_once and not self.loosens

    def show_saved(self, saved: BaseForm, *, not_shown: tuple[str, ...] = (), loosens: bool = False) -> None:
        """After a stale save: the same form as it is saved now, to be set beside what was typed.

        `not_shown` names the questions whose saved answers stay out of the page, such as a phone number. `loosens`:
        what was typed protects less than what is saved, so it is not saved with one button.
        """
        self.saved_now, self.not_shown, self.loosens = saved, not_shown, loosens

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        valid = bool(super().validate(extra_validators=extra_validators))
        return all([valid, *(_fits(field) for field in _leaves(self))])

    def error_summary(self) -> list[dict[str, str]]:
        """The list for the error summary: what is wrong, linked to where; in the order of the page."""
        whole = [{"text": message} for message in self.form_errors]
        return whole + [
            {"text": field.errors[0]} | ({} if is_hidden(field) else {"href": f"#{error_anchor(field)}"})
            for field in _leaves(self)
            if field.errors
        ]

    def refuse(self, error: GatewayError) -> None:
        """Show a service's refusal on the page: at its fields where it names some, else at the top."""
        self.refusal = error
        elsewhere = []
        for name, message in error.fields.items():
            if name in self and not is_hidden(self[name]):
                self[name].errors = [*self[name].errors, message]
            else:
                elsewhere.append(message)
        if elsewhere or not error.fields:
            self.form_errors.extend(elsewhere or [error.message])


def is_hidden(field: Field) -> bool:
    return isinstance(field.widget, HiddenInput)


def error_anchor(field: Field) -> str:
    """The id of the control that an error link leads to."""
    return str(getattr(field, "error_id", field.id))


def _leaves(fields: Iterable[Field]) -> Iterator[Field]:
    """Every single field, those inside enclosures and lists too."""
    for field in fields:
        if isinstance(field, FormField | FieldList):
            yield from _leaves(field)
        else:
            yield field


def _fits(field: Field) -> bool:
    """A text without a length of its own still has one, so that no column is ever asked to hold a book."""
    if not isinstance(field, StringField) or is_hidden(field):
        return True
    if any(isinstance(validator, Length) for validator in field.validators):
        return True
    most = LONGEST_TEXT if isinstance(field, TextAreaField) else LONGEST_LINE
    if len(field.data or "") <= most:
        return True
    field.errors = [*field.errors, f"Shorten this to {most:,} characters"]
    return False


def goes_on() -> bool:
    """Whether the button was pressed that saves and opens the next step."""
    return request.form.get("then") == "next"


@contextmanager
def save_or_refuse(form: BaseForm, *, then: str) -> Iterator[None]:
    """Around the service call of a POST: what the service refuses comes back with what was typed.

    A repeat of the same sending ends the request with a redirect to `then` and "already saved". A stale
    version, a wrong value or a step that can't be taken now is put on the form and swallowed: end the block
    with `return redirect(...)`, and let the line after it be `return render_form(...)`. NotFound and
    NotAllowed pass through.
    """
    try:
        yield
    except AlreadyDone:
        flashes.already_saved()
        abort(redirect(then))
    except (NotFound, NotAllowed):
        raise
    except GatewayError as error:
        form.refuse(error)


def render_form(
    template: str, form: BaseForm, *, version: int | None = None, **context: Any
) -> ResponseReturnValue:
    """The page with its form: 200 when opened, 422 with errors, or the refusal's status (409 when stale).

    `version` is that of the record as it is now. It goes into the page when it is opened, and again after a
    stale save, when the user has been shown what changed; after an ordinary mistake the first one stays.
    """
    if version is not None and (form.is_stale or not (form.is_submitted() or form.is_resumed)):
        form.version.data = version
    status = 200
    if form.is_submitted():
        status = form.refusal.status if form.refusal else 422
    return render_template(template, form=form, **context), status
