"""The tables, as the models describe them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""

    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_type", sa.String(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_action"), "audit_entry", ["action"], unique=False)
    op.create_index(op.f("ix_audit_entry_actor_id"), "audit_entry", ["actor_id"], unique=False)
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"], unique=False)
    op.create_index(op.f("ix_audit_entry_person_id"), "audit_entry", ["person_id"], unique=False)
    op.create_index(op.f("ix_audit_entry_subject_id"), "audit_entry", ["subject_id"], unique=False)
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_working", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "code_entitlement",
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("entitlement_id", sa.String(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=True),
        sa.Column("in_force_to", sa.Date(), nullable=True),
        sa.Column("right", sa.String(), nullable=False),
        sa.Column("paragraph", sa.String(), nullable=False),
        sa.Column("entitlement", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("start_event", sa.String(), nullable=False),
        sa.Column("stop_event", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("standard_limit", sa.Integer(), nullable=True),
        sa.Column("enhanced_limit", sa.Integer(), nullable=True),
        sa.Column("applies_when", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("observed_by", sa.String(), nullable=False),
        sa.Column("confidence", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("edition", "entitlement_id", name=op.f("pk_code_entitlement")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "gateway",
                "provider",
                name="organisationkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("key", name=op.f("uq_organisation_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "password", "code", name="signinstep", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index(op.f("ix_sign_in_attempt_address"), "sign_in_attempt", ["address"], unique=False)
    op.create_index(op.f("ix_sign_in_attempt_at"), "sign_in_attempt", ["at"], unique=False)
    op.create_index(op.f("ix_sign_in_attempt_email_hash"), "sign_in_attempt", ["email_hash"], unique=False)
    op.create_table(
        "wrapped_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("keyring_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(purpose = 'handover') = (organisation_id IS NOT NULL)",
            name=op.f("ck_wrapped_key_handover_has_reader"),
        ),
        sa.CheckConstraint(
            "purpose IN ('person', 'handover', 'batch', 'index')", name=op.f("ck_wrapped_key_purpose")
        ),
        sa.CheckConstraint(
            "(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name=op.f("ck_wrapped_key_destroyed_is_gone")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrapped_key")),
    )
    op.create_index("ix_wrapped_key_subject_id", "wrapped_key", ["subject_id"], unique=False)
    op.create_index(
        "uq_wrapped_key_one_index",
        "wrapped_key",
        ["purpose"],
        unique=True,
        postgresql_where=sa.text("purpose = 'index'"),
    )
    op.create_table(
        "app_user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "caseworker",
                "senior",
                "manager",
                "admin",
                "auditor",
                "provider",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("starting_password_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_key_id", sa.String(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(totp_sealed IS NULL) = (totp_key_id IS NULL)", name=op.f("ck_app_user_totp_with_its_key")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_app_user_email_lower_case")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_app_user_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("email", name=op.f("uq_app_user_email")),
    )
    op.create_index(op.f("ix_app_user_organisation_id"), "app_user", ["organisation_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("victim_reference_hash", sa.LargeBinary(), nullable=True),
        sa.Column("name_dob_hash", sa.LargeBinary(), nullable=True),
        sa.Column("dob_hash", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hashes", sa.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("postcode_hash", sa.LargeBinary(), nullable=True),
        sa.Column("name_tokens", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("corrected_fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('person', 'business')", name=op.f("ck_person_kind")),
        sa.ForeignKeyConstraint(["key_id"], ["wrapped_key.id"], name=op.f("fk_person_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("victim_reference_hash", name=op.f("uq_person_victim_reference_hash")),
    )
    op.create_index(op.f("ix_person_dob_hash"), "person", ["dob_hash"], unique=False)
    op.create_index(op.f("ix_person_email_hash"), "person", ["email_hash"], unique=False)
    op.create_index(op.f("ix_person_name_dob_hash"), "person", ["name_dob_hash"], unique=False)
    op.create_index("ix_person_name_tokens", "person", ["name_tokens"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_person_phone_hashes", "person", ["phone_hashes"], unique=False, postgresql_using="gin"
    )
    op.create_index(op.f("ix_person_postcode_hash"), "person", ["postcode_hash"], unique=False)
    op.create_table(
        "provider",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("active_from", sa.Date(), nullable=False),
        sa.Column("active_until", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "active_until IS NULL OR active_until >= active_from", name=op.f("ck_provider_ends_after_start")
        ),
        sa.ForeignKeyConstraint(["id"], ["organisation.id"], name=op.f("fk_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider")),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "police_feed",
                "case_events",
                name="importkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "running",
                "finished",
                "refused",
                "parked",
                "interrupted",
                name="importstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("history", sa.Boolean(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("imported", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("repeat_victims", sa.Integer(), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("unknown_columns", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_import_batch_by_id")),
        sa.ForeignKeyConstraint(["key_id"], ["wrapped_key.id"], name=op.f("fk_import_batch_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
        sa.UniqueConstraint("number", name=op.f("uq_import_batch_number")),
    )
    op.create_table(
        "provider_service",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("districts", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("needs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("victim_types", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("min_age", sa.Integer(), nullable=True),
        sa.Column("max_age", sa.Integer(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_provider_service_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_service")),
        sa.UniqueConstraint("key", name=op.f("uq_provider_service_key")),
    )
    op.create_index(
        op.f("ix_provider_service_provider_id"), "provider_service", ["provider_id"], unique=False
    )
    op.create_table(
        "safe_contact_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "safe",
            sa.Enum(
                "yes",
                "no",
                "unknown",
                name="safeanswer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("safe_channels", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("stated_by", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "safe <> 'yes' OR checked_at IS NOT NULL",
            name=op.f("ck_safe_contact_plan_safe_only_when_checked"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_safe_contact_plan_person_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["app_user.id"], name=op.f("fk_safe_contact_plan_recorded_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safe_contact_plan")),
    )
    op.create_index(
        "uq_safe_contact_plan_one_current",
        "safe_contact_plan",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index(
        "uq_safe_contact_plan_version", "safe_contact_plan", ["person_id", "version"], unique=True
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_submission_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
    )
    op.create_table(
        "web_session",
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrong_codes", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_web_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_web_session")),
    )
    op.create_index(op.f("ix_web_session_user_id"), "web_session", ["user_id"], unique=False)
    op.create_table(
        "import_file",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_import_file_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "piece", name=op.f("pk_import_file")),
    )
    op.create_table(
        "referral",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "police_feed",
                "self",
                "agency",
                name="referralsource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("source_organisation", sa.String(), nullable=True),
        sa.Column("force", sa.String(), nullable=True),
        sa.Column("feed_reference", sa.String(), nullable=True),
        sa.Column("import_batch_id", sa.Uuid(), nullable=True),
        sa.Column("import_row_number", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_as", sa.String(), nullable=False),
        sa.Column("offence", sa.String(), nullable=False),
        sa.Column("offence_code", sa.String(), nullable=True),
        sa.Column("district", sa.String(), nullable=True),
        sa.Column("lsoa_code", sa.String(), nullable=True),
        sa.Column("victim_type", sa.String(), nullable=False),
        sa.Column("occurred_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurred_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vulnerable", sa.Boolean(), nullable=False),
        sa.Column("intimidated", sa.Boolean(), nullable=False),
        sa.Column("persistently_targeted", sa.Boolean(), nullable=False),
        sa.Column("serious_crime", sa.Boolean(), nullable=False),
        sa.Column("domestic_abuse", sa.Boolean(), nullable=False),
        sa.Column("hate_strand", sa.String(), nullable=True),
        sa.Column("interpreter_needed", sa.Boolean(), nullable=False),
        sa.Column("police_consent", sa.String(), nullable=False),
        sa.Column("police_outcome", sa.String(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("crime_number_hash", sa.LargeBinary(), nullable=True),
        sa.Column("corrected_fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "held",
                "assigned",
                "in_contact",
                "triaged",
                "supported",
                "closed",
                "reopened",
                "entered_in_error",
                name="referralstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "held_reason",
            sa.Enum(
                "consent_refused",
                "explicit_consent_needed",
                "no_contact_details",
                name="heldreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("assigned_to_id", sa.Uuid(), nullable=True),
        sa.Column(
            "risk",
            sa.Enum(
                "unknown",
                "standard",
                "medium",
                "high",
                name="risk",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "next_act",
            sa.Enum(
                "assign",
                "resolve_hold",
                "make_contact",
                "assess",
                "refer_or_close",
                "answer_provider",
                "plan_after_decline",
                "wait_for_provider",
                "review_support",
                "do_task",
                "nothing",
                name="nextact",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "waiting_on",
            sa.Enum(
                "gateway",
                "provider",
                "nobody",
                name="waitingon",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("next_due_on", sa.Date(), nullable=True),
        sa.Column("next_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "needs_met",
                "declined",
                "no_contact",
                "out_of_area",
                "duplicate",
                "referred_on",
                "other",
                name="closeoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'held') = (held_reason IS NOT NULL)", name=op.f("ck_referral_held_with_reason")
        ),
        sa.CheckConstraint(
            "recorded_as IN ('crime', 'asb', 'non_crime')", name=op.f("ck_referral_recorded_as")
        ),
        sa.CheckConstraint(
            "source <> 'police_feed' OR feed_reference IS NOT NULL",
            name=op.f("ck_referral_feed_has_reference"),
        ),
        sa.CheckConstraint(
            "state <> 'closed' OR (outcome IS NOT NULL AND closed_at IS NOT NULL)",
            name=op.f("ck_referral_closed_with_outcome"),
        ),
        sa.ForeignKeyConstraint(["assigned_to_id"], ["app_user.id"], name=op.f("fk_referral_assigned_to_id")),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_referral_import_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_referral_person_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["received_by_id"], ["app_user.id"], name=op.f("fk_referral_received_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("reference", name=op.f("uq_referral_reference")),
    )
    op.create_index(op.f("ix_referral_crime_number_hash"), "referral", ["crime_number_hash"], unique=False)
    op.create_index("ix_referral_mine", "referral", ["assigned_to_id", "next_due_on"], unique=False)
    op.create_index(op.f("ix_referral_person_id"), "referral", ["person_id"], unique=False)
    op.create_index("ix_referral_queue", "referral", ["state", "next_due_on"], unique=False)
    op.create_index(op.f("ix_referral_received_at"), "referral", ["received_at"], unique=False)
    op.create_index("uq_referral_feed_reference", "referral", ["feed_reference"], unique=True)
    op.create_table(
        "case_facts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opens_code_clocks", sa.Boolean(), nullable=False),
        sa.Column("victim_basis", sa.String(), nullable=False),
        sa.Column("under_17", sa.Boolean(), nullable=True),
        sa.Column("under_18", sa.Boolean(), nullable=True),
        sa.Column("enhanced", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("declined", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("withheld", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("observers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("force", sa.String(), nullable=True),
        sa.Column("district", sa.String(), nullable=True),
        sa.Column("crime_type", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_case_facts_referral_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_facts")),
    )
    op.create_index(
        "ix_case_facts_as_at", "case_facts", ["referral_id", "recorded_at", "sequence"], unique=False
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum(
                "contact",
                "share_with_provider",
                "survey",
                "research",
                name="consentpurpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("recipient_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column(
            "how",
            sa.Enum(
                "spoken",
                "written",
                "through_police",
                "through_agency",
                "online",
                name="consenthow",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "purpose <> 'share_with_provider' OR recipient_organisation_id IS NOT NULL",
            name=op.f("ck_consent_share_names_recipient"),
        ),
        sa.CheckConstraint(
            "withdrawn_at IS NULL OR withdrawn_at >= given_at", name=op.f("ck_consent_withdrawn_after_given")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_consent_person_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_organisation_id"],
            ["organisation.id"],
            name=op.f("fk_consent_recipient_organisation_id"),
        ),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["app_user.id"], name=op.f("fk_consent_recorded_by_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_consent_referral_id")),
        sa.ForeignKeyConstraint(
            ["withdrawn_by_id"], ["app_user.id"], name=op.f("fk_consent_withdrawn_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_person_id"), "consent", ["person_id"], unique=False)
    op.create_index(op.f("ix_consent_referral_id"), "consent", ["referral_id"], unique=False)
    op.create_index(
        "uq_consent_one_current",
        "consent",
        [
            "person_id",
            "purpose",
            sa.literal_column(
                "coalesce(recipient_organisation_id, '00000000-0000-0000-0000-000000000000'::uuid)"
            ),
        ],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "contact_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "phone",
                "sms",
                "email",
                "post",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "reached",
                "no_answer",
                "voicemail_left",
                "someone_else_answered",
                "wrong_number",
                "unsafe_stopped",
                "sent",
                name="attemptoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("safe_contact_plan_id", sa.Uuid(), nullable=True),
        sa.Column("safety_checked", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_contact_attempt_by_id")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_contact_attempt_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["safe_contact_plan_id"],
            ["safe_contact_plan.id"],
            name=op.f("fk_contact_attempt_safe_contact_plan_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_attempt")),
    )
    op.create_index(op.f("ix_contact_attempt_referral_id"), "contact_attempt", ["referral_id"], unique=False)
    op.create_table(
        "import_row",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("force", sa.String(), nullable=True),
        sa.Column("feed_reference", sa.String(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "imported",
                "updated",
                "unchanged",
                "set_aside",
                name="rowoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("retried_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batch.id"], name=op.f("fk_import_row_batch_id")),
        sa.ForeignKeyConstraint(["key_id"], ["wrapped_key.id"], name=op.f("fk_import_row_key_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_import_row_referral_id")),
        sa.PrimaryKeyConstraint("batch_id", "row_number", name=op.f("pk_import_row")),
    )
    op.create_index("ix_import_row_reference", "import_row", ["feed_reference", "content_hash"], unique=False)
    op.create_index(
        "ix_import_row_waiting",
        "import_row",
        ["feed_reference"],
        unique=False,
        postgresql_where=sa.text("outcome = 'set_aside' AND retried_at IS NULL"),
    )
    op.create_table(
        "referral_access",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["app_user.id"], name=op.f("fk_referral_access_granted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_referral_access_referral_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_referral_access_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("referral_id", "user_id", name=op.f("pk_referral_access")),
    )
    op.create_table(
        "triage_assessment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("needs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "risk",
            sa.Enum(
                "unknown",
                "standard",
                "medium",
                "high",
                name="risk",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("risk_grounds", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("enhanced_categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("wants_restorative_justice", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_triage_assessment_by_id")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_triage_assessment_referral_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triage_assessment")),
    )
    op.create_index(
        "uq_triage_assessment_version", "triage_assessment", ["referral_id", "version"], unique=True
    )
    op.create_table(
        "onward_referral",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("handover_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("safe_contact_sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "offered",
                "acknowledged",
                "information_requested",
                "accepted",
                "in_service",
                "closed",
                "declined",
                "expired",
                "withdrawn",
                "returned",
                "ended_early",
                "entered_in_error",
                name="onwardstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_by_id", sa.Uuid(), nullable=False),
        sa.Column("answer_due_on", sa.Date(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_contact_planned_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "decline_reason",
            sa.Enum(
                "person_said_no",
                "not_eligible",
                "needs_another_service",
                "no_capacity",
                "cannot_reach_safely",
                "conflict_of_interest",
                "other",
                name="declinereason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("decline_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "needs_met",
                "partly_met",
                "not_met",
                "disengaged",
                "other",
                name="serviceoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("provider_access_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state <> 'closed' OR outcome IS NOT NULL", name=op.f("ck_onward_referral_closed_with_outcome")
        ),
        sa.CheckConstraint(
            "state <> 'declined' OR decline_reason IS NOT NULL",
            name=op.f("ck_onward_referral_declined_with_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'offered', 'acknowledged', 'information_requested', 'accepted', 'in_service', 'closed') OR provider_access_ended_at IS NOT NULL",
            name=op.f("ck_onward_referral_ended_is_closed_to_provider"),
        ),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"], name=op.f("fk_onward_referral_consent_id")),
        sa.ForeignKeyConstraint(["key_id"], ["wrapped_key.id"], name=op.f("fk_onward_referral_key_id")),
        sa.ForeignKeyConstraint(
            ["offered_by_id"], ["app_user.id"], name=op.f("fk_onward_referral_offered_by_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_onward_referral_person_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_onward_referral_provider_id")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_onward_referral_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["provider_service.id"], name=op.f("fk_onward_referral_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onward_referral")),
        sa.UniqueConstraint("reference", name=op.f("uq_onward_referral_reference")),
    )
    op.create_index("ix_onward_referral_inbox", "onward_referral", ["provider_id", "state"], unique=False)
    op.create_index(op.f("ix_onward_referral_person_id"), "onward_referral", ["person_id"], unique=False)
    op.create_index(op.f("ix_onward_referral_referral_id"), "onward_referral", ["referral_id"], unique=False)
    op.create_index(
        "uq_onward_referral_one_live",
        "onward_referral",
        ["referral_id", "service_id"],
        unique=True,
        postgresql_where=sa.text(
            "state IN ('draft', 'offered', 'acknowledged', 'information_requested', 'accepted', 'in_service')"
        ),
    )
    op.create_table(
        "case_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "code",
                "local",
                "story",
                name="eventkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column(
            "grade",
            sa.Enum(
                "system_record",
                "partner_statement",
                "victim_report",
                "inferred",
                name="evidencegrade",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("told_again", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("voids_id", sa.Uuid(), nullable=True),
        sa.Column("import_batch_id", sa.Uuid(), nullable=True),
        sa.Column("import_row_number", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(event = 'event_voided') = (voids_id IS NOT NULL)", name=op.f("ck_case_event_void_names_event")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["app_user.id"], name=op.f("fk_case_event_actor_id")),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_case_event_import_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["onward_referral_id"], ["onward_referral.id"], name=op.f("fk_case_event_onward_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_case_event_organisation_id")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name=op.f("fk_case_event_provider_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_case_event_referral_id")),
        sa.ForeignKeyConstraint(["voids_id"], ["case_event.id"], name=op.f("fk_case_event_voids_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    op.create_index(
        "ix_case_event_onward_referral_id",
        "case_event",
        ["onward_referral_id"],
        unique=False,
        postgresql_where=sa.text("onward_referral_id IS NOT NULL"),
    )
    op.create_index(
        "uq_case_event_voids_id",
        "case_event",
        ["voids_id"],
        unique=True,
        postgresql_where=sa.text("voids_id IS NOT NULL"),
    )
    op.create_index("ix_case_event_referral", "case_event", ["referral_id", "occurred_at"], unique=False)
    op.create_index(
        "uq_case_event_code_once",
        "case_event",
        ["referral_id", "event", "occurred_at", sa.literal_column("coalesce(subject, '')"), "told_again"],
        unique=True,
        postgresql_where=sa.text("kind = 'code' AND voids_id IS NULL"),
    )
    op.create_table(
        "note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_note_by_id")),
        sa.ForeignKeyConstraint(
            ["onward_referral_id"], ["onward_referral.id"], name=op.f("fk_note_onward_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_note_organisation_id")
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_note_referral_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index(op.f("ix_note_onward_referral_id"), "note", ["onward_referral_id"], unique=False)
    op.create_index(op.f("ix_note_referral_id"), "note", ["referral_id"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "feed_conflict",
                "safe_contact_check",
                "possible_same_person",
                "provider_declined",
                "provider_asked",
                "offer_expired",
                "service_ended",
                name="taskkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=True),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["done_by_id"], ["app_user.id"], name=op.f("fk_task_done_by_id")),
        sa.ForeignKeyConstraint(
            ["onward_referral_id"], ["onward_referral.id"], name=op.f("fk_task_onward_referral_id")
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_task_referral_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index(
        "ix_task_open", "task", ["referral_id"], unique=False, postgresql_where=sa.text("done_at IS NULL")
    )
    op.create_index(
        "uq_task_one_open", "task", ["dedupe_key"], unique=True, postgresql_where=sa.text("done_at IS NULL")
    )
    op.create_table(
        "entitlement_clock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("entitlement_id", sa.String(), nullable=False),
        sa.Column("start_event_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("limit_days", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("stop_event_id", sa.Uuid(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("late_status", sa.String(), nullable=False),
        sa.Column("computed_as_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "late_status IN ('overdue', 'unknown')", name=op.f("ck_entitlement_clock_late_status")
        ),
        sa.CheckConstraint(
            "status IN ('met', 'met_late', 'overdue', 'running', 'unknown', 'declined', 'withheld_for_safety', 'not_applicable')",
            name=op.f("ck_entitlement_clock_status"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_entitlement_clock_provider_id")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_entitlement_clock_referral_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlement_clock")),
    )
    op.create_index(
        "ix_entitlement_clock_local_open",
        "entitlement_clock",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("edition = 'local' AND status IN ('running', 'overdue')"),
    )
    op.create_index("ix_entitlement_clock_referral", "entitlement_clock", ["referral_id"], unique=False)
    op.create_index(
        "ix_entitlement_clock_running",
        "entitlement_clock",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index("ix_entitlement_clock_started", "entitlement_clock", ["started_on"], unique=False)
    op.create_index(
        "uq_entitlement_clock_start",
        "entitlement_clock",
        ["start_event_id", "edition", "entitlement_id"],
        unique=True,
    )
    op.create_table(
        "reminder",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "clock_due",
                "clock_overdue",
                "offer_unanswered",
                "task_waiting",
                "note_written",
                name="reminderkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=True),
        sa.Column("clock_id", sa.Uuid(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("recipient_user_id", sa.Uuid(), nullable=True),
        sa.Column("recipient_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "recipient_user_id IS NOT NULL OR recipient_organisation_id IS NOT NULL",
            name=op.f("ck_reminder_has_recipient"),
        ),
        sa.ForeignKeyConstraint(
            ["clock_id"], ["entitlement_clock.id"], name=op.f("fk_reminder_clock_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["onward_referral_id"], ["onward_referral.id"], name=op.f("fk_reminder_onward_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["recipient_organisation_id"],
            ["organisation.id"],
            name=op.f("fk_reminder_recipient_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["recipient_user_id"], ["app_user.id"], name=op.f("fk_reminder_recipient_user_id")
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_reminder_referral_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_reminder_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_reminder_dedupe_key")),
    )
    op.create_index(
        "ix_reminder_open",
        "reminder",
        ["recipient_user_id"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "ix_reminder_open_organisation",
        "reminder",
        ["recipient_organisation_id"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(op.f("ix_reminder_referral_id"), "reminder", ["referral_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reminder_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "failed",
                "not_sent",
                name="messagestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parcel_id", sa.Uuid(), nullable=True),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipient_user_id"], ["app_user.id"], name=op.f("fk_message_recipient_user_id")
        ),
        sa.ForeignKeyConstraint(["reminder_id"], ["reminder.id"], name=op.f("fk_message_reminder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(
        "ix_message_due",
        "message",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_index(op.f("ix_message_parcel_id"), "message", ["parcel_id"], unique=False)
    op.create_index("uq_message_once", "message", ["reminder_id", "recipient_user_id"], unique=True)


def downgrade() -> None:
    """Refused: there is nothing before the first schema to go back to without losing every record."""
    raise RuntimeError("0001 can't be taken back: it would drop every record. Restore a backup instead.")
