"""Onward referrals: from the Gateway to a provider and back. Each verb is one action in one transaction."""

from victim_gateway.services.onward_referrals._offer_checks import SENIOR_FIRST
from victim_gateway.services.onward_referrals._offer_consent import SharingConsent
from victim_gateway.services.onward_referrals.appointments import (
    AppointmentAnswers,
    cancel_appointment,
    change_appointment,
    make_appointment,
    record_attendance,
)
from victim_gateway.services.onward_referrals.caseworker_response import (
    answer_request,
    confirm_decline,
    overturn_decline,
)
from victim_gateway.services.onward_referrals.handover_safe_contact import refresh_handover_safe_contact
from victim_gateway.services.onward_referrals.kind_steps import (
    KindStepAnswers,
    record_kind_step,
    take_back_kind_step,
)
from victim_gateway.services.onward_referrals.next_offers import ask_next_services
from victim_gateway.services.onward_referrals.offer import (
    OfferToProvider,
    offer_onward_referral,
)
from victim_gateway.services.onward_referrals.offer_groups import (
    OfferToSeveral,
    ask_next_now,
    offer_to_several,
    stop_offer_group,
)
from victim_gateway.services.onward_referrals.progress import (
    ProviderAttempt,
    ServedNeedAnswer,
    record_need_outcomes,
    record_provider_attempt,
    write_progress_note,
)
from victim_gateway.services.onward_referrals.provider_response import (
    accept_onward_referral,
    acknowledge_offer,
    decline_onward_referral,
    request_information,
)
from victim_gateway.services.onward_referrals.provider_returns import (
    ReturnAnswers,
    report_mistaken_decline,
    return_onward_referral,
)
from victim_gateway.services.onward_referrals.provider_workers import (
    WorkerChange,
    WorkerHandover,
    give_to_worker,
    hand_over_worker,
)
from victim_gateway.services.onward_referrals.read_corrections import acknowledge_corrections
from victim_gateway.services.onward_referrals.read_progress import read_progress_notes
from victim_gateway.services.onward_referrals.refused_sharing import heed_refused_sharing
from victim_gateway.services.onward_referrals.restorative_justice import (
    decide_restorative_justice,
    request_restorative_justice,
)
from victim_gateway.services.onward_referrals.service_pauses import lift_service_pause
from victim_gateway.services.onward_referrals.share_again import (
    Amendment,
    refresh_share_again_tasks,
    share_again,
)
from victim_gateway.services.onward_referrals.shared_file_copies import (
    make_shared_copy,
    wake_shared_copies,
)
from victim_gateway.services.onward_referrals.shared_files import (
    copy_files_for_provider,
    fetch_shared_copy,
    share_files,
    take_back_file,
)
from victim_gateway.services.onward_referrals.sharing_overrides import (
    ask_for_due_overrides,
    ask_sharing_override,
    decide_sharing_override,
    end_sharing_override,
)
from victim_gateway.services.onward_referrals.support import (
    close_onward_referral,
    record_provider_first_contact,
)
from victim_gateway.services.onward_referrals.unread_corrections import chase_unread_corrections
from victim_gateway.services.onward_referrals.withdraw_and_expire import (
    expire_offer,
    expire_unanswered_offers,
    list_offers_to_expire,
    withdraw_in_transaction,
    withdraw_onward_referral,
)

__all__ = [
    "SENIOR_FIRST",
    "AppointmentAnswers",
    "ServedNeedAnswer",
    "OfferToProvider",
    "ProviderAttempt",
    "Amendment",
    "OfferToProvider",
    "OfferToSeveral",
    "KindStepAnswers",
    "ReturnAnswers",
    "SharingConsent",
    "WorkerChange",
    "WorkerHandover",
    "accept_onward_referral",
    "acknowledge_corrections",
    "acknowledge_offer",
    "answer_request",
    "ask_for_due_overrides",
    "ask_next_now",
    "ask_next_services",
    "ask_sharing_override",
    "cancel_appointment",
    "change_appointment",
    "chase_unread_corrections",
    "close_onward_referral",
    "copy_files_for_provider",
    "decide_restorative_justice",
    "decide_sharing_override",
    "end_sharing_override",
    "confirm_decline",
    "decline_onward_referral",
    "expire_offer",
    "expire_unanswered_offers",
    "fetch_shared_copy",
    "give_to_worker",
    "hand_over_worker",
    "heed_refused_sharing",
    "lift_service_pause",
    "list_offers_to_expire",
    "make_appointment",
    "make_shared_copy",
    "offer_onward_referral",
    "offer_to_several",
    "overturn_decline",
    "read_progress_notes",
    "record_attendance",
    "record_kind_step",
    "record_need_outcomes",
    "record_provider_attempt",
    "record_provider_first_contact",
    "refresh_handover_safe_contact",
    "refresh_share_again_tasks",
    "report_mistaken_decline",
    "request_information",
    "return_onward_referral",
    "request_restorative_justice",
    "share_again",
    "share_files",
    "stop_offer_group",
    "take_back_file",
    "take_back_kind_step",
    "wake_shared_copies",
    "withdraw_onward_referral",
    "withdraw_in_transaction",
    "write_progress_note",
]
