"""The plain words that people use for a code, column by column. Data: one table for each kind of answer.

A table names each value with the spellings that stand for it, folded as `fold_code` does. A spelling that
could loosen protection stands here only if it can mean nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

Spellings = Mapping[str, tuple[str, ...]]

YES = ("yes", "y", "true", "1")
NO = ("no", "n", "false", "0")

RECORDED_AS: Spellings = {
    "crime": ("crime", "recorded_crime", "notifiable_crime", "a_crime"),
    "asb": ("asb", "anti_social_behaviour", "antisocial_behaviour", "anti_social_behavior"),
    "non_crime": (
        *("non_crime", "noncrime", "not_a_crime", "not_crime", "incident", "non_crime_incident"),
        *("non_crime_domestic_incident", "non_crime_occurrence"),
    ),
}
VICTIM_TYPE: Spellings = {
    "person": ("person", "individual", "a_person", "member_of_the_public"),
    "business": ("business", "company", "organisation", "organization", "firm", "business_or_organisation"),
    "bereaved_relative": (
        *("bereaved_relative", "bereaved", "bereaved_family", "bereaved_family_member"),
        *("bereaved_close_relative", "close_relative_of_the_deceased"),
    ),
    "parent_or_guardian": (
        "parent_or_guardian",
        "parent",
        "guardian",
        "parent/guardian",
        "parent_/_guardian",
    ),
}
SEX: Spellings = {
    "F": ("f", "female", "woman", "girl"),
    "M": ("m", "male", "man", "boy"),
    "X": ("x", "non_binary", "nonbinary", "intersex"),
    "U": ("u", "unknown", "not_known", "not_specified", "not_stated", "unspecified", "u/k", "n/k"),
}
PREFERRED_CONTACT: Spellings = {
    "phone": (
        *("phone", "telephone", "mobile", "landline", "tel", "call", "phone_call", "telephone_call"),
        *("mobile_phone", "home_phone", "work_phone", "by_phone", "by_telephone", "voice", "ring"),
    ),
    "sms": ("sms", "text", "text_message", "txt", "texting", "by_text", "mobile_text"),
    "email": ("email", "e_mail", "by_email"),
    "post": ("post", "letter", "by_post", "by_letter", "postal", "in_writing"),
    "none": ("none", "no_preference", "any", "no_preferred_contact"),
}
SAFE_TO_CONTACT: Spellings = {
    "yes": (*YES, "safe", "safe_to_contact"),
    "no": (
        *NO,
        *("not_safe", "unsafe", "not_safe_to_contact", "do_not_contact", "don't_contact", "no_contact"),
        *("refused", "never"),
    ),
    "unknown": (
        *("unknown", "not_known", "not_asked", "not_recorded", "not_stated", "u", "u/k", "n/k", "unk"),
        *("don't_know", "not_sure", "unsure", "to_be_confirmed", "tbc"),
    ),
}
CONSENT: Spellings = {
    "yes": (*YES, "agreed", "consented", "consent_given", "given", "opted_in", "opt in", "accepted"),
    "no": (
        *NO,
        *("refused", "refuses", "declined", "declines", "consent_refused", "refused_consent", "opted_out"),
        *("opt out", "no_consent", "not_consented", "does_not_consent", "consent_not_given", "withheld"),
        *("withdrawn", "consent_withdrawn", "not_agreed", "did_not_agree", "objects"),
    ),
    "not_asked": ("not_asked", "not_sought", "not_offered", "not_yet_asked", "to_be_asked", "unasked"),
}
RISK_ASSESSMENT: Spellings = {
    "standard": ("standard", "standard_risk", "std"),
    "medium": ("medium", "medium_risk", "med"),
    "high": ("high", "high_risk", "very_high", "very_high_risk"),
}
DECEASED: Spellings = {
    "yes": (*YES, "deceased", "dead", "died", "has_died", "fatal"),
    "no": (*NO, "alive", "living", "not_deceased"),
}
ASB_TYPE: Spellings = {
    name: (name.replace(" ", "_"), *others)
    for name, others in {
        "abandoned vehicle": ("abandoned_vehicles",),
        "vehicle nuisance": ("vehicle_nuisance/inappropriate_use", "nuisance_vehicles"),
        "rowdy behaviour": ("rowdy_or_inconsiderate_behaviour", "rowdy_and_inconsiderate_behaviour", "rowdy"),
        "nuisance neighbours": ("nuisance_neighbour", "rowdy_or_nuisance_neighbours", "neighbours"),
        "litter or drug waste": ("littering/drugs_paraphernalia", "litter", "drugs_paraphernalia"),
        "animals": ("animal_problems", "animal"),
        "trespass": (),
        "nuisance calls": ("malicious_communications", "malicious/nuisance_communications", "nuisance_call"),
        "street drinking": (),
        "prostitution": ("prostitution_related_activity",),
        "noise": ("noise_nuisance",),
        "begging": ("begging/vagrancy",),
        "fireworks": ("inappropriate_use_of_fireworks", "firework"),
        "personal": (),
        "nuisance": (),
        "environmental": (),
    }.items()
}
# Self-defined ethnicity: the codes of the list of 18+1 and of the older one of 16+1. An officer's
# observation (IC codes) is another list and never stands in for it.
ETHNICITY: Spellings = {
    "White: British": ("1", "w1"),
    "White: Irish": ("2", "w2"),
    "White: Gypsy or Irish Traveller": ("3", "w3"),
    "White: other": ("4", "w9"),
    "Mixed: White and Black Caribbean": ("5", "m1"),
    "Mixed: White and Black African": ("6", "m2"),
    "Mixed: White and Asian": ("7", "m3"),
    "Mixed: other": ("8", "m9"),
    "Asian: Indian": ("9", "a1"),
    "Asian: Pakistani": ("10", "a2"),
    "Asian: Bangladeshi": ("11", "a3"),
    "Asian: Chinese": ("12", "a4", "o1"),
    "Asian: other": ("13", "a9"),
    "Black: African": ("14", "b2"),
    "Black: Caribbean": ("15", "b1"),
    "Black: other": ("16", "b9"),
    "Arab": ("17", "o2"),
    "Any other ethnic group": ("18", "o9"),
    "Prefer not to say": ("19", "ns"),
}
_LINES = {
    "mobile": ("mob", "mobile", "cell", "mobile_phone"),
    "landline": ("lan", "landline", "land_line", "land", "fixed_line"),
    "fax": ("fax",),
    "pager": ("pag", "pager"),
}
_PLACES = {"home": ("h", "home"), "work": ("w", "work", "business", "office")}
PHONE_TYPE: Spellings = {
    **_LINES,
    **{place: (place, f"{place}_phone") for place in _PLACES},
    **{
        f"{line} {place}": tuple(
            spelling
            for code in codes
            for mark in marks
            for spelling in (f"{code}{mark}", f"{code}_{mark}", f"{mark}_{code}")
        )
        for line, codes in _LINES.items()
        for place, marks in _PLACES.items()
    },
}
