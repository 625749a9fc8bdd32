"""A provider with one service, and the browser of somebody who works there."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.integration.onward_referrals.arrange import Given, a_provider
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.sign_in import sign_in


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    """New Era."""
    return a_provider(owner, make_actor)


@pytest.fixture
def browser(client: FlaskClient, owner: Owner, given: Given) -> FlaskClient:
    """The browser of somebody at New Era."""
    sign_in(client, owner, given.provider)
    return client
