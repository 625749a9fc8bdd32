"""The matrix of roles and permissions, as data; conditions on one record are checked where it is read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from victim_gateway.vocabulary import Role


class Permission(StrEnum):
    """A permission that a route requires. Every route names exactly one."""

    SIGNED_IN = "signed_in"
    VIEW_REMINDERS = "view_reminders"

    VIEW_WORK = "view_work"
    SEARCH_PEOPLE = "search_people"
    VIEW_REFERRAL = "view_referral"
    RECORD_REFERRAL = "record_referral"
    EDIT_CASEWORK = "edit_casework"
    ASSIGN_OTHERS = "assign_others"
    TAKE_OUT_OF_SCOPE = "take_out_of_scope"
    LOOSEN_PROTECTION = "loosen_protection"
    ENTER_IN_ERROR = "enter_in_error"
    APPROVE_RESTORATIVE_JUSTICE = "approve_restorative_justice"
    REVIEW_ASSESSMENT = "review_assessment"
    IMPORT_FEED = "import_feed"
    DECIDE_WITHHOLDING = "decide_withholding"
    DECIDE_SHARING_OVERRIDE = "decide_sharing_override"
    HANDLE_COMPLAINTS = "handle_complaints"
    LEAD_GROUP_REVIEW = "lead_group_review"
    NAME_SUCCESSOR = "name_successor"
    VIEW_REMINDER_RULES = "view_reminder_rules"
    CHANGE_REMINDER_RULES = "change_reminder_rules"

    VIEW_INBOX = "view_inbox"
    RESPOND_TO_ONWARD_REFERRAL = "respond_to_onward_referral"
    MANAGE_OWN_SERVICE = "manage_own_service"
    MANAGE_OWN_USERS = "manage_own_users"

    VIEW_COMPLIANCE = "view_compliance"
    EXPORT_COMPLIANCE = "export_compliance"
    EXPORT_UNSUPPRESSED = "export_unsuppressed"

    MANAGE_USERS = "manage_users"
    VIEW_SYSTEM = "view_system"
    VIEW_DELIVERY = "view_delivery"
    MANAGE_LISTS = "manage_lists"
    VIEW_DIRECTORY = "view_directory"
    MANAGE_DIRECTORY = "manage_directory"

    READ_AUDIT = "read_audit"
    VIEW_OUTBOX = "view_outbox"


_CASEWORKER = frozenset(
    {
        Permission.SIGNED_IN,
        Permission.VIEW_REMINDERS,
        Permission.VIEW_WORK,
        Permission.SEARCH_PEOPLE,
        Permission.VIEW_REFERRAL,
        Permission.RECORD_REFERRAL,
        Permission.EDIT_CASEWORK,
        Permission.VIEW_DIRECTORY,
    }
)

_PROVIDER = frozenset(
    {
        Permission.SIGNED_IN,
        Permission.VIEW_REMINDERS,
        Permission.VIEW_INBOX,
        Permission.RESPOND_TO_ONWARD_REFERRAL,
        Permission.MANAGE_OWN_SERVICE,
    }
)

# Roles are kept apart: administrators and auditors open no case, managers see no names,
# providers read only what was addressed to them.
MATRIX: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.CASEWORKER: _CASEWORKER,
        Role.SENIOR: _CASEWORKER
        | {
            Permission.ASSIGN_OTHERS,
            Permission.TAKE_OUT_OF_SCOPE,
            Permission.LOOSEN_PROTECTION,
            Permission.ENTER_IN_ERROR,
            Permission.APPROVE_RESTORATIVE_JUSTICE,
            Permission.REVIEW_ASSESSMENT,
            Permission.IMPORT_FEED,
            Permission.DECIDE_WITHHOLDING,
            Permission.DECIDE_SHARING_OVERRIDE,
            Permission.HANDLE_COMPLAINTS,
            Permission.LEAD_GROUP_REVIEW,
            Permission.NAME_SUCCESSOR,
            Permission.VIEW_REMINDER_RULES,
            Permission.CHANGE_REMINDER_RULES,
            Permission.VIEW_OUTBOX,
        },
        Role.MANAGER: frozenset(
            {
                Permission.SIGNED_IN,
                Permission.VIEW_COMPLIANCE,
                Permission.EXPORT_COMPLIANCE,
                Permission.EXPORT_UNSUPPRESSED,
                Permission.VIEW_DELIVERY,
            }
        ),
        Role.ADMIN: frozenset(
            {
                Permission.SIGNED_IN,
                Permission.MANAGE_USERS,
                Permission.VIEW_SYSTEM,
                Permission.VIEW_DELIVERY,
                Permission.MANAGE_LISTS,
                Permission.VIEW_REMINDER_RULES,
                Permission.VIEW_DIRECTORY,
                Permission.MANAGE_DIRECTORY,
                Permission.VIEW_OUTBOX,
            }
        ),
        Role.AUDITOR: frozenset({Permission.SIGNED_IN, Permission.READ_AUDIT}),
        Role.PROVIDER: _PROVIDER,
        # Referrals are seen by service: without one an administrator of a provider sees none.
        Role.PROVIDER_ADMINISTRATOR: _PROVIDER | {Permission.MANAGE_OWN_USERS},
    }
)


def is_permitted(role: Role | None, permission: Permission) -> bool:
    """Whether an account of this role may do this at all. No role: nothing."""
    return role is not None and permission in MATRIX[role]
