"""Simulated card transactions with cancellations and corrections."""

from collections import deque
from collections.abc import Iterator
from itertools import count
from random import Random

from msgspec.json import encode

from app.transactions.records import Transaction
from app.transactions.settings import settings
from app.transactions.topics import TRANSACTIONS
from eventfold.connectors import Record
from eventfold.connectors.simulations import Simulation, into
from eventfold.settings import Settings

CARDS, MERCHANTS = 5_000, 400
CATEGORIES = ("grocery", "fuel", "travel", "hotel", "electronics", "casino", "crypto", "pharmacy")
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "GBP", "PLN", "SEK")
COUNTRIES = ("DE", "DE", "FR", "IT", "PL", "SE", "US", "GB", "BR", "KP")

#: Shares: cancellations, corrections, those of both that refer to an unknown id, records sent
#: twice, records that can't be read, transactions up to 10 s behind their time.
CANCELLED, CORRECTED, ASTRAY, TWICE, BROKEN, DISORDER = 0.02, 0.02, 0.05, 0.002, 0.0005, 0.02
#: Number of latest transactions from which the cancelled or corrected one is drawn.
BACK = 2_000

_BROKEN_VALUE = b'{"id": "t", "card": '


def transactions(seed: int, rate: float, start: int, cards: int = CARDS) -> Iterator[Record]:
    """Yield endless transactions, `rate` a second from event time `start` (ms) on."""
    random = Random(seed)  # noqa: S311  # a simulation
    step, last = 1000 / rate, deque[Transaction](maxlen=BACK)
    for number in count():
        at = start + number * step
        behind = random.uniform(0, 10_000) if random.random() < DISORDER else 0
        made = _drawn(random, f"t{number}", int(at - behind), last, cards)
        last.append(made)
        record = made.card.encode(), encode(made), made.time
        luck = random.random()
        if luck < BROKEN:
            record = made.card.encode(), _BROKEN_VALUE, made.time
        yield record
        if luck > 1 - TWICE:
            yield record


def _drawn(
    random: Random, name: str, time: int, last: deque[Transaction], cards: int
) -> Transaction:
    luck = random.random()
    if last and luck < CANCELLED + CORRECTED:
        old = random.choice(last)
        kind = "cancellation" if luck < CANCELLED else "correction"
        amount = 0 if kind == "cancellation" else old.amount * random.randrange(20, 150) // 100
        refers_to = "nothing" if random.random() < ASTRAY else old.id
        details = old.currency, old.merchant, old.category, old.country
        return Transaction(name, old.card, amount, *details, time, kind, refers_to)  # type: ignore[arg-type]  # one of two
    card = int(cards * random.random() ** 2)
    merchant = int(MERCHANTS * random.random() ** 2)
    return Transaction(
        id=name,
        card=f"{4 + card % 3}{card * 7919 % 100_000:05}{card:010}",
        amount=int(random.lognormvariate(8.3, 1.3)) + 1,
        currency=random.choice(CURRENCIES),
        merchant=f"shop-{merchant:03}",
        category=CATEGORIES[merchant % len(CATEGORIES)],
        country=random.choice(COUNTRIES),
        time=time,
    )


async def _prepare(conf: Settings) -> None:
    """Add a few rules if there never was one: without rules nothing is ever rejected."""
    # Who sends transactions alone needs no SQLAlchemy.
    from app.transactions.database import RulesDatabase, rules_url  # noqa: PLC0415
    from app.transactions.examples import add_examples  # noqa: PLC0415

    if settings().rules_url is not None:
        return
    async with RulesDatabase(rules_url(conf, settings())) as database:
        if not await database.changes(after=0):
            await add_examples(database)


SIMULATION = Simulation(
    (TRANSACTIONS,),
    into(TRANSACTIONS, transactions),
    "payments by card, cancellations and corrections",
    prepare=_prepare,
)
