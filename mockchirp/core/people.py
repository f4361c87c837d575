"""Made-up people: the numbers they call from and the messages they leave, always the same ones for the same seed."""

from random import Random
from typing import Any


class People:
    """A source of people. faker is imported with the first message: it takes longer than the rest of the program."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._numbers = Random(f"{seed}/numbers")  # noqa: S311 - repeatable on purpose
        self._faker: Any = None

    def phone_number(self) -> str:
        """A number in E.164, of a range that is set aside for fiction."""
        return f"+1{self._numbers.randrange(200, 1000)}55501{self._numbers.randrange(100):02}"

    def message(self) -> str:
        """What somebody said after the tone."""
        if self._faker is None:
            from faker import Faker

            self._faker = Faker("en_US")
            self._faker.seed_instance(f"{self._seed}/messages")
        faker = self._faker
        return f"Hi, this is {faker.name()}. {faker.sentence(nb_words=9)} Please call me back."
