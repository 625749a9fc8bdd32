"""The kind of a service in the directory: files of before, the release before, and Open Referral without loss."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from sqlalchemy import text

from tests.integration.onward_referrals.arrange import MORNING, a_provider
from tests.plumbing import ROOT
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.errors import UnusableFile
from victim_gateway.models import ProviderService
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.services.providers import directory
from victim_gateway.services.providers.open_referral import (
    directory_as_open_referral,
    read_open_referral,
)
from victim_gateway.services.shared.command import Command

SHIPPED = ROOT / "victim_gateway" / "data" / "providers-staffordshire.csv"
HEADER = (
    "provider_key,provider_name,provider_description,active_from,active_until,service_key,service_name,"
    "service_description,serves,districts,needs,victim_types,min_age,max_age,open"
)
ROW = "harbour,Harbour,Helps.,2024-01-01,,harbour-help,Help,Listens.,victims,,,,,,yes"


def kind_after(actor: Actor, *files: tuple[str, str]) -> ServiceKind | None:
    """The kind that stands after files with these further columns and cells were taken over in turn."""
    for columns, cells in files:
        lines = f"{HEADER}{columns}\n{ROW}{cells}\n"
        directory.import_directory(Command(actor, MORNING), directory.read_directory(lines.encode()))
    (stored,) = directory.export_entries(actor=actor)
    assert stored.restorative_justice is (stored.kind is ServiceKind.RESTORATIVE_JUSTICE)
    return stored.kind


def test_the_shipped_directory_says_the_kinds(app: Flask) -> None:
    kinds = {
        entry.service_key: entry.kind
        for entry in directory.read_directory(SHIPPED.read_bytes())
        if entry.kind is not ServiceKind.GENERAL
    }
    assert kinds == {
        "rj-hub-restorative-justice": ServiceKind.RESTORATIVE_JUSTICE,
        "new-era-victim-service": ServiceKind.IDVA,
        "grange-park-adults": ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE,
        "grange-park-children": ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE,
        "sexual-abuse-family-support": ServiceKind.FAMILY_SUPPORT,
        "business-crime-advisor": ServiceKind.BUSINESS_CRIME_ADVICE,
    }


def test_a_file_without_the_kind_keeps_it_and_older_columns_still_say_restorative_justice(
    app: Flask, worker_actor: Actor
) -> None:
    assert kind_after(worker_actor, (",kind", ",isva"), ("", "")) is ServiceKind.ISVA
    assert kind_after(worker_actor, (",restorative_justice", ",no")) is ServiceKind.ISVA
    assert kind_after(worker_actor, (",restorative_justice", ",yes")) is ServiceKind.RESTORATIVE_JUSTICE
    assert kind_after(worker_actor, ("", "")) is ServiceKind.RESTORATIVE_JUSTICE
    assert kind_after(worker_actor, (",restorative_justice", ",no")) is ServiceKind.GENERAL


def test_a_file_that_contradicts_itself_or_names_no_kind_is_refused(app: Flask) -> None:
    for cells in (",idva,yes", ",cookery,no"):
        with pytest.raises(UnusableFile, match="kind"):
            directory.read_directory(f"{HEADER},kind,restorative_justice\n{ROW}{cells}\n".encode())


def test_an_open_referral_file_of_before_leaves_the_kind_and_the_number(
    app: Flask, worker_actor: Actor
) -> None:
    kind_after(worker_actor, (",kind,urgent_phone", ",isva,01785 000001"))
    written = directory_as_open_referral(directory.export_entries(actor=worker_actor))
    older = json.loads(json.dumps(written))
    for document in older:
        document["attributes"] = [
            each
            for each in document["attributes"]
            if each["taxonomy_term"]["code"] not in ("kind", "urgent_phone")
        ]
    for documents in (written, older):
        entries = read_open_referral(json.dumps(documents), current_settings().area)
        summary = directory.import_directory(Command(worker_actor, MORNING), entries)
        assert summary.unchanged == 1


def test_what_the_release_before_writes_becomes_a_kind(owner: Owner, make_actor: MakeActor) -> None:
    given = a_provider(owner, make_actor, "harbour")
    for said, kind in (("true", "restorative_justice"), ("false", "general")):
        with owner() as session:
            session.execute(text(f"UPDATE provider_service SET is_restorative = {said}"))
        with owner() as session:
            assert session.get_one(ProviderService, given.service_id).kind == kind
    with owner() as session:
        session.get_one(ProviderService, given.service_id).kind = ServiceKind.RESTORATIVE_JUSTICE
    with owner() as session:
        assert session.scalar(text("SELECT is_restorative FROM provider_service")) is True
