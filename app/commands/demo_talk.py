"""What was said in the demo company before you came: customers, times, words. Nothing here is code."""

from dataclasses import dataclass
from enum import StrEnum

from app.models.contact import Platform


class Speaker(StrEnum):
    """Who says a line: the customer, the company's assistant, or one of its staff."""

    CUSTOMER = "customer"
    ASSISTANT = "assistant"
    MAYA = "maya"
    TOM = "tom"
    INES = "ines"


C, A, MAYA, TOM, INES = Speaker
PHOTO = "https://upload.wikimedia.org/wikipedia/commons/4/45/A_small_cup_of_coffee.JPG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One customer and one conversation: (minutes before now, who, words), the oldest line first.

    `unread` leaves what came after the last reply unread; `photo` is what the customer's second line carries.
    """

    name: str
    platform: Platform
    known_as: str | None = None
    email: str | None = None
    phone: str | None = None
    assignee: Speaker | None = None
    unread: bool = False
    closed: bool = False
    photo: str | None = None
    lines: tuple[tuple[int, Speaker, str], ...]


TALKS = (
    Talk(
        name="Ann Becker",
        platform=Platform.WEB,
        email="ann.becker@example.com",
        assignee=TOM,
        lines=(
            (64, C, "Hi! I ordered two bags of the Harbour Blend on Monday. Has it left yet?"),
            (63, A, "Hello Ann! Let me look. Order 1017 was packed this morning; the courier comes at 3 pm."),
            (61, C, "Great. Can I still add a box of filters to it?"),
            (55, TOM, "Hi Ann, Tom here. Just in time: I put the filters in, with no extra shipping."),
            (54, C, "You are the best, thank you!"),
        ),
    ),
    Talk(
        name="Luca Moretti",
        platform=Platform.INSTAGRAM,
        known_as="17841405822304914",
        unread=True,
        lines=(
            (182, C, "ciao! the yirgacheffe in your story, is that the natural or the washed one?"),
            (181, A, "Ciao Luca! That is the washed lot: jasmine, lemon, black tea. The natural lands next week."),
            (12, C, "next week, perfetto. can you keep 1 kg of the natural for me?"),
            (11, C, "whole bean, for espresso"),
        ),
    ),
    Talk(
        name="Priya Nair",
        platform=Platform.WHATSAPP,
        known_as="447700900142",
        phone="+44 7700 900142",
        assignee=INES,
        photo=PHOTO,
        lines=(
            (1504, C, "Hello, my parcel came today and one bag was torn open. Coffee everywhere 😢"),
            (1503, C, "Here is how the rest of it looks"),
            (1490, INES, "Oh no, I am sorry, Priya! Would you like a new bag, or the money back?"),
            (1488, C, "A new bag please, it's a birthday present for Saturday."),
            (1481, INES, "It goes out today by express, on us. And keep what is left of this one."),
            (1479, C, "Wow, thank you Inés 🙏"),
        ),
    ),
    Talk(
        name="Jonas Weber",
        platform=Platform.FACEBOOK,
        known_as="6215873048811029",
        closed=True,
        lines=(
            (4330, C, "Are you open on Sunday? We would come by with the kids."),
            (4330, A, "Hi Jonas! The café is open on Sundays from 9 to 16, and there is a corner with toys."),
            (4324, C, "Perfect, see you there"),
            (4320, MAYA, "See you on Sunday! Ask for me, the first babyccino is on the house. Maya"),
        ),
    ),
    Talk(
        name="Sofía Herrera",
        platform=Platform.TELEGRAM,
        known_as="5519047733",
        unread=True,
        lines=(
            (96, C, "Good morning! We run a small hotel and need about 20 kg a month. Do you do wholesale?"),
            (95, A, "Good morning! We do, from 10 kg a month. I hand you over to Maya, who makes those offers."),
            (33, C, "Thanks. Decaf would be a fifth of it, if that matters for the price."),
        ),
    ),
    Talk(
        name="Emeka Obi",
        platform=Platform.WHATSAPP,
        known_as="447700900866",
        phone="+44 7700 900866",
        assignee=TOM,
        lines=(
            (372, C, "Hey, I am away in August. Can my subscription take a break?"),
            (365, TOM, "Sure. I paused it from 1 to 31 August; the next bag comes on 3 September. Have a good trip!"),
            (364, C, "Cheers Tom"),
        ),
    ),
    Talk(
        name="Mei Tanaka",
        platform=Platform.INSTAGRAM,
        known_as="17841400271556083",
        unread=True,
        lines=((4, C, "Hi, is the latte art class on Thursday full already? We would be two 😊"),),
    ),
)
