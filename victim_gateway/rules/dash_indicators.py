"""The DASH checklist's 24 risk indicators as short topics, to count what was answered with yes.

Only the number of them is kept: half of them are about the suspect, of whom nothing is kept.
"""

from __future__ import annotations

DASH_TOPICS = (
    "Injured this time",
    "Very frightened",
    "What they are afraid of",
    "Cut off from family or friends",
    "Low, or thinking of suicide",
    "Separated, or tried to, within a year",
    "Conflict over seeing the children",
    "Constant calls, following or stalking",
    "Pregnant, or a baby under 18 months",
    "The abuse happens more often",
    "The abuse gets worse",
    "Controlled, or jealousy",
    "Weapons or objects were used",
    "Threats to kill that were believed",
    "Strangled, choked or held under water",
    "Sexual things that hurt or distress",
    "Others threaten or frighten them too",
    "Others were hurt: children, family",
    "Animals were hurt",
    "Money: dependent, or lost work",
    "Drugs, alcohol or mental health",
    "Threats or attempts of suicide",
    "Bail or an order was broken",
    "Trouble with the police before",
)
