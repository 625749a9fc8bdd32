"""Forms for signing in and for changing one's own password."""

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
    """The password that replaces a starting password."""

    password, repeated = _new_password()


class ChangePasswordForm(BaseForm):
    """A new password, with the present password and code as proof of identity; errors follow the page's order."""

    current = PasswordField("Password you have now", [DataRequired("Enter the password you have now")])
    password, repeated = _new_password()
    code = StringField("Security code", description="The 6 figures that your authenticator app shows now")


class SignOutForm(BaseForm):
    """The sign-out button, with its CSRF token."""
