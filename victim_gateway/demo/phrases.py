"""What caseworkers and providers write in the demonstration. No names: the pages put those beside it."""

from __future__ import annotations

from victim_gateway.vocabulary import HeldReason

WHAT_HAPPENED = {
    "Anti-social behaviour": "A group gathers outside at night, shouts and throws things. It has gone on for weeks.",
    "Burglary": "Came home to a broken back door. Jewellery and a laptop are gone.",
    "Criminal damage and arson": "A window was smashed while everybody was asleep.",
    "Robbery": "Was pushed to the ground on the way home and had a phone taken.",
    "Vehicle crime": "The van was broken into and every tool taken, so there is no work.",
    "Violence and sexual offences": "Was hit in the face and kicked. Still afraid to go out alone.",
    "Shoplifting": "The third theft in a month. Staff were threatened.",
}
SOMETHING_HAPPENED = "It happened close to home and is hard to stop thinking about."
RESTORATIVE_PLAN = "Asked for it twice. They would not meet alone, and a support worker would be there."
RESTORATIVE_YES = "Agreed, with the support worker present and letters only at first."
WANTS = {
    "rj": "Would like to ask the person who did it why, if that can be done safely.",
    "da": "Wants to know what keeps the family safe, and what can be done about the tenancy.",
    "fitting": "Wants practical advice, and someone to talk to who knows about this.",
}
NOTES = (
    ("First conversation", "Spoke for about 20 minutes. Calm, but not sleeping well. Will think about it."),
    ("Work", "Has told the employer and has two weeks off. Worried about money after that."),
    ("Neighbours", "A neighbour is being kind and checks in every evening."),
    ("Police", "Has not heard from the officer since the first visit. Asked us to find out."),
    ("Locks", "The landlord has changed the locks. Feels a little safer at night."),
)  # fmt: skip
SHARED_NOTES = (
    ("Best time to call", "Mornings are best this week. Please follow the safe contact plan each time."),
    ("Interpreter", "If an interpreter is needed, please book the same one again."),
)
REPLIES = (
    ("First meeting", "We met for an hour and agreed what to work on first."),
    ("How it is going", "Two meetings so far. Sleeping better, and has started to go out again."),
)
QUESTIONS = (
    "Is there anybody else in the household we should know about before we call?",
    "Has a court date been set? It would change what we can do first.",
)
ANSWER = "Asked today: nobody else lives there, and no date has been set yet."
DECLINED = (
    ("no_capacity", "Our waiting list is over six weeks at the moment."),
    ("needs_another_service", "What is needed first is help with housing, which we do not give."),
    ("not_eligible", "The matter is still before the court, and we can only begin after it."),
)
OFFER_AGAIN = "A place has come free since: we spoke on the telephone this morning."
RISK_AT_THE_END = "The person who did it is in prison. They have a new lock and know whom to call."
SERVICE_ENDED_TEXT = "Support has come to its planned end. Knows how to come back."
ENDED_EARLY = "Three calls were not answered, then a message that help is no longer wanted."
CONTACTED = "Spoke on the telephone and agreed to meet this week."
RANG_THE_PROVIDER = "Rang us after reading our leaflet. We had not called."
ASSESSED = "Talked through each of the needs. What weighs most is feeling safe at home."
NOTHING_NEEDED = "Has what is needed from family and friends, and thanks us for calling."
CHILDREN_WITH = "With their mother, and at weekends with their grandmother."
MARAC_TEXT = "They know, and were asked what they want said there."
REVIEW_AGREED = "I agree. Please ring again before the weekend."
SENT_BACK = "The children are missing here. Please ask about them, and assess again."
JUDGED = "They are frightened, and what they describe is getting worse."
BELOW_OFFICER = "They live elsewhere now, and feel safe there."
REASSESSED = "Sleeping and eating better. Money is still a worry."
RELEASED = "Asked in person at the station, with the officer present: would like us to call."
HOLD_TEXTS = {
    HeldReason.PERSON_DIED: "Their sister rang: they died last week. She asks that nobody calls the house.",
    HeldReason.WITHDRAWN_BY_FORCE: "The officer rang: it was sent to us by mistake.",
    HeldReason.OUT_OF_SCOPE: "A dispute between neighbours about a fence. Probably for the mediation service.",
}
REFUSED_CONTACT = "Does not want any more calls, and thanks us."
TOOK_BACK = "Would rather manage alone for now and does not want details to be kept there."
REOPENED = "Rang us: the trouble has started again."
ASKED_POLICE = "Asked the officer in the case how to get in touch safely."
SAID_SAFE = "Went through it together at the start of the call."
DUPLICATE_OF = "The same crime as {reference}, sent twice under two numbers."
CLOSING_TEXTS = {
    "other": "Has moved abroad and is supported there.",
    "referred_on": "Introduced to the council's own service.",
}
DEAD_LINE = "The number has been given to somebody else."
STOPPED = "Somebody could be heard in the background, so the call was ended at once."
