"""Who writes in the demo, where, and what: nothing here is code. Lines are said in turn, and begin anew."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Customer:
    """Somebody on a platform: `opens` is what they write by themselves, `answers` what they say to a reply."""

    name: str
    platform: str
    peer: str
    opens: tuple[str, ...]
    answers: tuple[str, ...]


CAST = (
    Customer(
        "Noor Haddad",
        "whatsapp",
        "31612345001",
        ("Hi! Do you still have the Ethiopia beans?", "And do you grind them for a moka pot?", "One more question 🙈"),
        ("Perfect, thank you!", "Great, I will come by at four.", "You are the best ☕"),
    ),
    Customer(
        "Lars Winther",
        "telegram",
        "70010002",
        ("My parcel says delivered, but it is not here.", "It is order 1017.", "Should I ask the neighbours first?"),
        ("Found it! It was with the neighbours.", "Thanks for looking into it.", "All good now 👍"),
    ),
    Customer(
        "Chiara Rossi",
        "instagram",
        "IGSID-CHIARA",
        ("Love the new cups 😍 do you ship to Italy?", "How long would it take?", "Are they safe in the dishwasher?"),
        ("Then I will order two!", "Oh nice, grazie!", "Thank you for the quick answer."),
    ),
    Customer(
        "Ben Carter",
        "facebook",
        "PSID-BEN",
        ("Are you open on Sunday?", "Is there a table for six around eleven?", "Do you have oat milk?"),
        ("See you on Sunday then!", "Wonderful, thanks.", "Good to know."),
    ),
    Customer(
        "Mei Tanaka",
        "whatsapp",
        "31612345002",
        ("My subscription should pause for August.", "I am away until the 3rd of September.", "Can I do that myself?"),
        ("That was easy, thank you.", "Lovely!", "Perfect 🙏"),
    ),
    Customer(
        "Amara Obi",
        "facebook",
        "PSID-AMARA",
        (
            "Hello, do you do coffee for weddings?",
            "About eighty people, in June.",
            "Could we taste some blends first?",
        ),
        ("Friday works for us!", "Exciting, thank you!", "I will tell my fiancé 💍"),
    ),
)
