"""Made-up people: the numbers they call from and the messages they leave, always the same ones for the same seed."""

from random import Random
from typing import Any


class People:
    """A source of people. What comes next depends on the seed and on the counts, which are all there is to keep.

    faker is imported with the first message: it takes longer than the rest of the program.
    """

    def __init__(self, seed: str) -> None:
        self.numbers = 0
        self.messages = 0
        self._seed = seed
        self._faker: Any = None

    def phone_number(self) -> str:
        """A number in E.164, of a range that is set aside for fiction."""
        self.numbers += 1
        dice = Random(f"{self._seed}/number/{self.numbers}")  # noqa: S311 - repeatable on purpose
        return f"+1{dice.randrange(200, 1000)}55501{dice.randrange(100):02}"

    def message(self) -> str:
        """What somebody said after the tone."""
        if self._faker is None:
            from faker import Faker

            self._faker = Faker("en_US")
        self.messages += 1
        self._faker.seed_instance(f"{self._seed}/message/{self.messages}")
        return f"Hi, this is {self._faker.name()}. {self._faker.sentence(nb_words=9)} Please call me back."
