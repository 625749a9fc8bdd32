"""Parts of which invented people, businesses and addresses are made. No combination is meant to be a real person."""

from __future__ import annotations

import unicodedata
from random import Random
from typing import TypedDict

GIVEN_NAMES = {
    "F": tuple(
        "Aaliyah Abigail Agnieszka Aisha Amélie Andreea Anne-Marie Aoife Beatrix Blessing Brenda Chantelle Chloë"
        " Ciara Deepika Dorothy Eilidh Elżbieta Esmé Farzana Fiona Folasade Gráinne Gwenllian Harpreet Hëlena Inês"
        " Jacqueline Jo-Ann Joyce Karolína Kezia Khadija Leticia Lowri Magdaléna Margaret Mei-Ling Moira Nadia"
        " Naledi Niamh Noor Olwen Patience Pauline Renée Rhiannon Sadé Samira Sian Siobhán Sunita Tamsin Thandiwe"
        " Ursula Valentina Wanjiru Xanthe Zoë".split()
    ),
    "M": tuple(
        "Abdul Alasdair Anthony Arjun Bartosz Bogdan Callum Cedric Chukwuemeka Curtis Dafydd Darragh Denzel Dilip"
        " Edwin Emlyn Emre Fergus François Gareth Gbenga Gethin Gurdeep Hamza Hywel Ibrahim Idris Jean-Luc Jürgen"
        " Kasim Keith Kieran Lech Leroy Lionel Mateusz Mihai Mohammed Neville Nikolai Oisín Olumide Owain Pádraig"
        " Pierre Piotr Rashid Reginald Ruairí Sandeep Seán Søren Stanley Tadeusz Tariq Tomás Trevor Usman Václav"
        " Winston Yusuf Zbigniew".split()
    ),
}
FAMILY_NAMES = tuple(
    "Abara Achterberg Adeyemi-Clarke Ap-Gruffydd Ashdown-Reeve Balogun Barzani Bednář Bhattarai Blencowe Brânză"
    " Brothwell Castellanos Chaudhry Cheadle-Booth Colclough Coşkun D'Arcy-Lunn D'Souza Dąbrowska-Hill Danso Deakin"
    " Dhaliwal Dimitriou Dunnico Eardley El-Sayed Ellerker Fernández-Pryce Fitzhugh Frøland Gallimore Gbadamosi"
    " Ghorbani Glendower Goodfellow-Rae Grzelak Hancock-Nwosu Hajdúková Heathcote Hollinshead Hussain-Marsh Ionescu"
    " Jarrett Jędrzejczak Kaczmarek Karunaratne Khatun Kinnersley Kovačević Lakhani Leese Llewellyn-Ames Lovatt"
    " M'Bala MacGillivray Machin Mahmood Malkin Marchetti McEvilly Mbeki-Stone Müller-Price Mycock N'Diaye"
    " Nakamura-Dean Nwachukwu O'Dunne O'Kinsella O'Rahilly Oakden Obuasi Oyelaran Pâquet Pashley Petrescu Pilgrim"
    " Plant-Owusu Quayle Qureshi-Bell Rácz Ravindran Rowbotham Saint-Clair Salt Sánchez-Webb Sherratt Sørensen"
    " St.John Sutherland-Ogun Szymańska Tams Thorley Tran Ümit Vâlcu Van-der-Linde Venkataraman Wardle Wędzicha"
    " Whieldon Wrzesniewski Yilmaz Zafar Žižka".split()
)
BUSINESS_NAMES = (
    "The Copper Kettle Café", "Potter & Daughter Ironmongers", "Bell's Convenience Store", "Kiln Lane Garage",
    "Moorland Veterinary Practice", "Hawthorn Pharmacy", "O'Dunne's Carpets", "Nisa & Sons Off-licence",
    "Blue Heron Garden Centre", "Tandoori Nights", "Little Acorns Nursery", "Wheatsheaf Inn",
    "Trent Vale Cycles", "Fern & Fable Books", "Market Hall Butchers", "Zoë's Hair Studio",
    "Northwood Timber Supplies", "St Modwen's Charity Shop", "Canalside Fish Bar", "Marlpit Farm Shop",
)  # fmt: skip
STREETS = (
    "Alder Rise", "Bellringer Row", "Clayhanger Lane", "Dovecote Close", "Eider Street", "Foxglove Way",
    "Grindstone Hill", "Hedgesparrow Walk", "Ironbridge Terrace", "Jessamine Road", "Kilnwork Street",
    "Larkspur Avenue", "Marlhole Lane", "Nightingale Court", "Oatcake Yard", "Pitchfork Lane", "Quarrybank Road",
    "Ropewalk Mews", "Saggar Street", "Thistledown Drive", "Underhill Crescent", "Viaduct View",
    "Wheelwright Gardens", "Yarrow Place",
)  # fmt: skip
# A town and its half of the postcode for each district; what follows it is never one that is in use.
TOWNS = {
    "Stoke-on-Trent": ("Stoke-on-Trent", "ST4"),
    "Newcastle-under-Lyme": ("Newcastle-under-Lyme", "ST5"),
    "Stafford": ("Stafford", "ST16"),
    "Cannock Chase": ("Cannock", "WS11"),
    "Lichfield": ("Lichfield", "WS13"),
    "Tamworth": ("Tamworth", "B79"),
    "East Staffordshire": ("Burton upon Trent", "DE14"),
    "South Staffordshire": ("Codsall", "WV8"),
    "Staffordshire Moorlands": ("Leek", "ST13"),
    "Hartlepool": ("Hartlepool", "TS24"),
    "Middlesbrough": ("Middlesbrough", "TS1"),
    "Redcar and Cleveland": ("Redcar", "TS10"),
    "Stockton-on-Tees": ("Stockton-on-Tees", "TS18"),
}
MOBILES, LANDLINES = 1000, 1000


def demo_phone(number: int, chance: Random) -> str:
    """A number set aside by Ofcom for drama: the first thousand people get one each."""
    scattered = number * 387 % MOBILES
    if chance.random() < 0.85:
        return f"07700 900{scattered:03d}"
    return f"01632 960{scattered % LANDLINES:03d}"


def demo_email(given: str, family: str, number: int) -> str:
    """An address at a domain that no e-mail can reach."""
    return f"{_plain(given)}.{_plain(family)}{number}@mail.example"


class Address(TypedDict):
    """Where somebody lives, in the feed's columns."""

    address_line_1: str
    address_line_2: str
    town: str
    postcode: str


def demo_address(district: str, chance: Random) -> Address:
    """An invented address in the district's town."""
    town, outward = TOWNS[district]
    flat = f"Flat {chance.randint(1, 24)}" if chance.random() < 0.2 else ""
    return {
        "address_line_1": f"{chance.randint(1, 180)} {chance.choice(STREETS)}",
        "address_line_2": flat,
        "town": town,
        "postcode": f"{outward} {chance.randint(0, 9)}Z{chance.choice('XYZ')}",
    }


def _plain(name: str) -> str:
    """Its letters alone, small and without accents."""
    parted = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in parted if letter.isascii() and letter.isalpha()).lower() or "name"
