"""Given names that are short or familiar forms of one another, folded.

A small list of forms that are common in England and Wales. Two names of one line may be one person's; a form may
stand on several lines. A missing line costs a proposal, never a wrong link: no link rests on this list.
"""

from __future__ import annotations

_LINES = """
abigail abi abbie abby gail
alexander alex alec alexandra sandy sasha xander
alfred alf alfie fred
andrew andy drew
anne ann anna annie nan
anthony antony tony
barbara barb babs
benjamin ben benny
bridget biddy bridie
catherine katherine kathryn katharine kate katie kathy cathy kath kat
charles charlie chas chuck
charlotte charlie lottie
christine christina chris tina chrissie
christopher chris kit
daniel dan danny
danielle dani
david dave davey dafydd dai
deborah debbie deb debra
dorothy dot dottie dolly
edward eddie ed ted teddy ned
eleanor ellie nell nora elinor
elizabeth elisabeth liz lizzie beth betty betsy eliza bess libby lisa
emily em emmy
francis frank frankie
frances fran frankie franny
frederick fred freddie
gerald gerry jerry
geoffrey jeffrey geoff jeff
gregory greg
harold harry hal
henry harry hal
isabella isabel isobel bella izzy
jacob jake
jacqueline jackie jacqui
james jim jimmy jamie jem
janet jan
jennifer jen jenny jenna
jessica jess jessie
joanne joanna jo
john jon johnny jack
jonathan jon jonny
joseph joe joey
josephine jo josie
joshua josh
judith judy jude
kenneth ken kenny
kimberley kim
lawrence laurence larry laurie loz
leonard len lenny
lewis louis lou
louise lou
luke lukasz
madeleine maddie
margaret maggie meg peggy marge margie greta
martin marty
mary molly polly maria marie
matthew matt
melanie mel
melissa mel
michael mike mick micky mikey
mohammed muhammad mohammad mohamed muhammed mo
natalie nat
nathaniel nathan nat
nicholas nick nicky
nicola nicky nikki
oliver olly ollie
olivia liv livvy
pamela pam
patricia pat patsy trish tricia
patrick pat paddy
peter pete
philip phillip phil
philippa pippa pip
rachel rachael rach
raymond ray
rebecca becky becca bex
richard rick ricky dick rich richie
robert rob robbie bob bobby bert
ronald ron ronnie
rosemary rose rosie
samantha sam sammy
samuel sam sammy
sarah sara sally
sophia sofia sophie
stanley stan
stephen steven steve stevie
stephanie steph
susan sue susie susanne suzanne
terence terry
teresa theresa tess tessa terri
thomas tom tommy
timothy tim
valerie val
veronica ronnie
victoria vicky vicki tori
vincent vince vinny
walter wally walt
wilfred wilf
william will bill billy willy liam gwilym
winifred winnie
yvonne vonny
zachary zach zac zak
"""
_GROUPS: dict[str, set[int]] = {}
for _number, _line in enumerate(_LINES.split("\n")):
    for _name in _line.split():
        _GROUPS.setdefault(_name, set()).add(_number)


def are_variants(one: str, other: str) -> bool:
    """Whether two folded given names are forms of one name."""
    return not _GROUPS.get(one, set()).isdisjoint(_GROUPS.get(other, set()))


def variant_groups(name: str) -> list[int]:
    """The numbers of the lines on which a folded given name stands: two names with one in common are variants."""
    return sorted(_GROUPS.get(name, ()))
