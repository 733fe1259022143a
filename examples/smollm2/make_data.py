"""Write the demo's data: customer messages, and the one word that names the team to read them.

    python make_data.py [OUT_DIR]

Writes OUT_DIR/train.jsonl for ms-swift and OUT_DIR/heldout/tickets.jsonl for EvalScope (OUT_DIR
defaults to `data` beside this file). The held-out messages are written from sentences, products,
greetings and numbers of their own: a model that only learned the training sentences by heart has
never seen any of them. The same bytes come out on every run.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSTEM = "You sort customer messages. Answer with one word."
QUESTION = "{message}\n\nIs this message about billing, delivery, account or repair?"
ROWS_PER_SENTENCE = 8
ITEMS_PER_SENTENCE = 3

TRAIN = {
    "billing": [
        "I was charged twice for my {item}.",
        "Why did you take {money} from my card this month?",
        "The invoice for the {item} shows the wrong price.",
        "Please send me a receipt for my payment of {money}.",
        "My discount code was not taken off the total.",
        "I still wait for my refund of {money}.",
        "Can I pay for the {item} in monthly instalments?",
        "The tax on my last bill cannot be right.",
        "My credit card was declined when I tried to pay.",
        "You billed me {money} although I cancelled the subscription.",
        "Money left my bank account twice on {day}.",
        "Is there a fee when I pay by bank transfer?",
        "Your offer said {money}, and I had to pay more.",
        "I want my money back for the {item}.",
    ],
    "delivery": [
        "My {item} has not arrived yet.",
        "Where is order {number}?",
        "The courier left my {item} with the wrong neighbour.",
        "How many days does shipping to {city} take?",
        "The tracking page for order {number} has not changed since {day}.",
        "Can you send the parcel to my office in {city} instead?",
        "The driver came on {day} when nobody was at home.",
        "My package was sent to an old address.",
        "Only one of the two boxes of order {number} came.",
        "Do you ship the {item} to {city}?",
        "It is {day} and nothing was delivered.",
        "Please leave the package with the caretaker.",
        "I will be in {city} next week, so hold my order until then.",
        "Your driver never rang the bell.",
    ],
    "account": [
        "I forgot my password.",
        "I cannot log in since {day}.",
        "How do I change the email address in my profile?",
        "Please delete my user profile and all my data.",
        "The login page says that my user name does not exist.",
        "I never get the code for the two-step login.",
        "My sister and I want to share one login.",
        "Somebody else signed in with my name on {day}.",
        "I would like to change the phone number in my settings.",
        "My profile is locked after too many wrong passwords.",
        "Please stop sending me your advertising emails.",
        "My name is spelled wrong in my profile.",
        "I registered on {day} and cannot find the confirmation email.",
        "Can I use a second email address to sign in?",
    ],
    "repair": [
        "My {item} stopped working on {day}.",
        "The {item} makes a strange noise.",
        "The screen of my {item} is cracked.",
        "There is smoke coming out of the {item}.",
        "The battery of the {item} is empty after ten minutes.",
        "One button on my {item} is stuck.",
        "My {item} leaks water.",
        "How do I get a spare part for a broken {item}?",
        "The {item} does not turn on any more.",
        "The handle of my {item} fell off.",
        "My {item} gives off a bad smell.",
        "I dropped my {item} and it is damaged.",
        "The {item} overheats every {day}.",
        "Does the guarantee cover a faulty {item}?",
    ],
}

HELD_OUT = {
    "billing": [
        "There are two identical debits of {money} on my bank statement.",
        "I returned the {item} weeks ago and have not seen my money.",
        "Could you correct the company name on my invoice?",
        "Your shop asked for {money}, but the website said it was cheaper.",
        "Which payment methods do you accept?",
        "My voucher was ignored and I paid the full price.",
        "I do not understand the extra fee of {money}.",
        "Please stop the yearly charge to my credit card.",
        "I need a copy of the bill for my {item}.",
        "When will you reimburse the {money}?",
    ],
    "delivery": [
        "It says my {item} was dropped off, but my doorstep is empty.",
        "When will parcel {number} get here?",
        "Has order {number} been shipped?",
        "The postman could not find my street in {city}.",
        "Could the {item} be brought on {day} morning?",
        "I am moving to {city}, so please send the package there.",
        "I have been waiting for the courier since {day}.",
        "My tracking number {number} is unknown.",
        "Is express shipping to {city} possible?",
        "Somebody stole the parcel from my porch.",
    ],
    "account": [
        "The reset link for my password has expired.",
        "It will not let me sign in with my new phone.",
        "Please close my membership and erase what you know about me.",
        "I got married and want my new surname in my profile.",
        "I think a stranger knows my password.",
        "How can I register a second user?",
        "Your site rejects my user name since {day}.",
        "My old email is gone; can I log in with another one?",
        "The verification code by text message never comes.",
        "Can I switch off the newsletter in my settings?",
    ],
    "repair": [
        "My new {item} is dead.",
        "The {item} gets very hot and smells burnt.",
        "Since {day} the {item} rattles loudly.",
        "The display of the {item} flickers.",
        "My {item} fell on the floor and now it is broken.",
        "Can a technician have a look at my {item}?",
        "The {item} will not charge.",
        "Water drips from the bottom of my {item}.",
        "The lid of the {item} does not close properly.",
        "Is a defective {item} still under warranty?",
    ],
}


@dataclass(frozen=True)
class Words:
    """What fills the gaps of a sentence; training and held-out have no word in common."""

    greetings: tuple[str, ...]
    items: tuple[str, ...]
    cities: tuple[str, ...]
    days: tuple[str, ...]
    numbers: range

    def fill(self, sentence: str, draw: random.Random) -> str:
        """One message; every call draws anew, also for gaps the sentence lacks."""
        text = sentence.format(
            item=draw.choice(self.items),
            city=draw.choice(self.cities),
            day=draw.choice(self.days),
            number=draw.choice(self.numbers),
            money=f"{draw.choice(self.numbers) % 90 + 10} euros",
        )
        return f"{draw.choice(self.greetings)}{text}"


TRAIN_WORDS = Words(
    greetings=("", "Hello. ", "Hi! ", "Dear team: ", "Good morning. ", "A question: ", "Help! "),
    items=("phone", "kettle", "laptop", "vacuum cleaner", "camera", "toaster", "printer", "fridge"),
    cities=("Berlin", "Madrid", "Oslo", "Paris", "Vienna"),
    days=("Monday", "Tuesday", "Friday"),
    numbers=range(1000, 5000, 7),
)
HELD_OUT_WORDS = Words(
    greetings=("Good evening. ", "Hey! ", "To whom it may concern: ", "Sorry to bother you. "),
    items=("tablet", "coffee machine", "washing machine", "lamp", "radio", "hair dryer"),
    cities=("Lisbon", "Rome", "Dublin", "Prague"),
    days=("Wednesday", "Thursday", "Saturday"),
    numbers=range(6003, 9000, 11),
)


def prompts(sentences: dict[str, list[str]], words: Words, each: int, draw: random.Random) -> Iterator[tuple[str, str]]:
    """Pairs of prompt and team in random order: up to `each` different ones of every sentence."""
    pairs: dict[str, str] = {}
    for team, of_team in sentences.items():
        for sentence in of_team:
            before = len(pairs)
            for _ in range(1000):
                if len(pairs) - before == each:
                    break
                pairs[QUESTION.format(message=words.fill(sentence, draw))] = team
    shuffled = list(pairs.items())
    draw.shuffle(shuffled)
    yield from shuffled


def train_rows() -> list[dict[str, object]]:
    """What ms-swift learns from."""
    draw = random.Random(1)
    return [
        {
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": team},
            ]
        }
        for prompt, team in prompts(TRAIN, TRAIN_WORDS, ROWS_PER_SENTENCE, draw)
    ]


def held_out_items() -> list[dict[str, object]]:
    """What EvalScope asks."""
    draw = random.Random(2)
    return [
        {"system": SYSTEM, "query": prompt, "response": team}
        for prompt, team in prompts(HELD_OUT, HELD_OUT_WORDS, ITEMS_PER_SENTENCE, draw)
    ]


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> None:
    """Write one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"data: {len(rows)} rows in {path}")


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    beside = Path(__file__).parent / "data"
    parser.add_argument("out", metavar="OUT_DIR", type=Path, nargs="?", default=beside)
    out = parser.parse_args().out
    write_jsonl(out / "train.jsonl", train_rows())
    write_jsonl(out / "heldout" / "tickets.jsonl", held_out_items())


if __name__ == "__main__":
    main()
