"""What somebody types to sign in or to change their password."""

from __future__ import annotations

from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo

from victim_gateway.web.forms import BaseForm


class SignInForm(BaseForm):
    """Name and password."""

    email = StringField("Email address", [DataRequired("Enter your email address")])
    password = PasswordField("Password", [DataRequired("Enter your password")])


class CodeForm(BaseForm):
    """The six figures that the authenticator app shows."""

    code = StringField(
        "Security code",
        [DataRequired("Enter the 6-figure code from your app")],
        description="The 6 figures that your authenticator app shows now",
    )


def _new_password() -> tuple[PasswordField, PasswordField]:
    return PasswordField("New password", [DataRequired("Enter a new password")]), PasswordField(
        "New password again",
        [
            DataRequired("Enter the new password again"),
            EqualTo("password", "The two passwords differ. Enter both again"),
        ],
    )


class NewPasswordForm(BaseForm):
    """The password that takes the place of a starting one."""

    password, repeated = _new_password()


class ChangePasswordForm(BaseForm):
    """The new password, after what shows that it is really the owner; errors are listed in the order of the page."""

    current = PasswordField("Password you have now", [DataRequired("Enter the password you have now")])
    password, repeated = _new_password()
    code = StringField("Security code", description="The 6 figures that your authenticator app shows now")


class SignOutForm(BaseForm):
    """A button."""
