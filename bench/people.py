"""Invented people in the number of a police area, with names as common and as rare as names are."""

from __future__ import annotations

import itertools
import random

from victim_gateway.demo import names
from victim_gateway.demo.random_choice import random_stream

_GIVEN = (
    "Oliver George Harry Noah Jack Charlie Leo Jacob Freddie Alfie Archie Theo Oscar Arthur Thomas Logan Henry Joshua"
    " James William Max Isaac Lucas Ethan Teddy Finley Mason Harrison Hunter Alexander Daniel Joseph Tommy Arlo Reggie"
    " Edward Jaxon Adam Sebastian Rory Riley Dylan Elijah Carter Albie Louie Toby Benjamin Reuben Jude Luca Michael"
    " David John Paul Andrew Mark Peter Stephen Christopher Richard Robert Simon Kevin Alan Brian Colin Graham Nigel"
    " Derek Kenneth Raymond Roger Dennis Terence Norman Olivia Amelia Isla Ava Mia Ivy Lily Rosie Sophia Grace Freya"
    " Willow Florence Emily Ella Poppy Evie Elsie Charlotte Evelyn Sienna Sofia Daisy Phoebe Sophie Alice Harper"
    " Matilda Ruby Emma Maya Millie Isabelle Eliza Luna Maisie Ellie Robyn Erin Susan Julie Karen Jacqueline Deborah"
    " Tracey Jane Helen Diane Sharon Mohammed Muhammad Ahmed Ali Fatima Aisha Zainab Maryam Katarzyna Piotr Agnieszka"
    " Łukasz Anna Maria Elena Ionut Andrei Chidi Ngozi Amara Kwame Abena Priya Rahul Sanjay Wei Ling"
).split()
_FAMILY = (
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White Roberts"
    " Green Hall Thomas Clarke Jackson Wood Harris Edwards Turner Martin Cooper Hill Ward Hughes Moore Clark King"
    " Harrison Lewis Baker Lee Allen Morris Khan Scott Watson Davis Parker James Bennett Young Phillips Richardson"
    " Mitchell Bailey Carter Cook Singh Shaw Bell Collins Morgan Kelly Begum Miller Cox Hussain Marshall Simpson Price"
    " Anderson Adams Wilkinson Foster Ellis Murphy Chapman Mason Gray Richards Webb Rogers Stevens Hunt Ahmed Mills"
    " Holmes Campbell Barnes Knight Matthews Barker Powell Kaur Ali Butler Dixon Russell Palmer Fisher Reynolds Pearson"
    " O'Brien O'Connor McDonald MacDonald Fitzgerald Wójcik Kowalski Nowak Popescu Okafor Mensah Nguyen Chen Wang"
).split()
_FIRST = (
    "Ash Black Brad Brook Burn Cart Chat Clay Clif Cow Crow Dal Dar Den Eas Farn Fen Gar Gold Gran Had Hal Ham Har Hart"
    " Haw Hay Hep Hol Hor Kel Kirk Lang Lin Long Mal Mar Mid Nor Oak Pem Pick Rad Ram Red Row Rush Sal Sand Sed Shel"
    " Sher Stan Stock Sut Swin Thorn Tun Wad Wal Wed Wel Whit Win Wool Wor Yar"
).split()
_LAST = (
    "borne bridge brook bury by combe cott croft dale den field ford gate ham hurst ington land ley low man mere more"
    " ridge shaw son stead stock ston thorpe ton wall well wick wood worth"
).split()


class InventedPeople:
    """People and businesses by number, the same for the same seed. Common names are as common as in the country."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        rare = [first + last for first, last in itertools.product(_FIRST, _LAST)]
        random_stream(seed, "names").shuffle(rare)
        self._given = [*_GIVEN, *names.GIVEN_NAMES["F"], *names.GIVEN_NAMES["M"]]
        self._family = [*_FAMILY, *names.FAMILY_NAMES, *rare]
        self._given_weights = list(itertools.accumulate(1 / (place + 8) for place in range(len(self._given))))
        self._family_weights = list(
            itertools.accumulate(1 / (place + 12) for place in range(len(self._family)))
        )

    def person(self, number: int) -> dict[str, str]:
        """One person, in the columns of the feed."""
        chance = random_stream(self._seed, "person", number)
        given, family = self._name(chance)
        born = f"{chance.randrange(1930, 2016)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        return {
            "victim_reference": f"P{number:08}",
            "title": chance.choice(("Mr", "Mr", "Mrs", "Miss", "Ms")),
            "given_name": given,
            "family_name": family,
            "date_of_birth": born,
            "sex": chance.choices("FMXU", (53, 44, 1, 2))[0],
            "phone": f"07{chance.randrange(400_000_000, 999_999_999)}" if chance.random() < 0.9 else "",
            "email": f"person{number}@example.org" if chance.random() < 0.6 else "",
            "language": chance.choice(("Polish", "Urdu", "Punjabi")) if chance.random() < 0.1 else "",
            "interpreter_needed": "yes" if chance.random() < 0.06 else "no",
            **_address(chance),
        }

    def business(self, number: int) -> dict[str, str]:
        """One business, in the columns of the feed."""
        chance = random_stream(self._seed, "business", number)
        given, family = self._name(chance)
        return {
            "victim_reference": f"B{number:08}",
            "organisation_name": f"{family} {chance.choice(('Stores', 'Garage', 'Pharmacy', 'Hardware'))} {number}",
            "organisation_contact": f"{given} {family}",
            "phone": f"01782{chance.randrange(100_000, 999_999)}",
            **_address(chance),
        }

    def _name(self, chance: random.Random) -> tuple[str, str]:
        given = chance.choices(self._given, cum_weights=self._given_weights)[0]
        family = chance.choices(self._family, cum_weights=self._family_weights)[0]
        if chance.random() < 0.03:
            family = f"{family}-{chance.choices(self._family, cum_weights=self._family_weights)[0]}"
        return given, family


def _address(chance: random.Random) -> dict[str, str]:
    ends = "ABDEFGHJLNPQRSTUWXYZ"
    return {
        "address_line_1": f"{chance.randrange(1, 200)} {chance.choice(names.STREETS)}",
        "town": "Stafford",
        "postcode": f"ST{chance.randrange(1, 22)} {chance.randrange(1, 10)}{chance.choice(ends)}{chance.choice(ends)}",
    }


def slip(name: str, chance: random.Random) -> str:
    """The name with one letter lost, doubled, swapped with its neighbour, or replaced."""
    letters = [place for place, letter in enumerate(name) if letter.isalpha()]
    while True:
        place = chance.choice(letters)
        kind = chance.choice(("lost", "doubled", "swapped", "replaced"))
        if kind == "lost":
            typed = name[:place] + name[place + 1 :]
        elif kind == "doubled":
            typed = name[: place + 1] + name[place:]
        elif kind == "swapped":
            typed = name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]
        else:
            typed = name[:place] + chance.choice("abcdefghijklmnopqrstuvwxyz") + name[place + 1 :]
        if typed.casefold() != name.casefold():
            return typed
