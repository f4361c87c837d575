"""What was meant by a flag or a variable that is no setting."""

import re
from collections.abc import Mapping
from typing import Literal, get_origin

from mockchirp.core.suggestions import did_you_mean
from mockchirp.settings import Settings, flag, variable, words

_PREFIX_OR_NEARLY = re.compile(r"MOCK_?(?:CHIRP|CHRIP|CHIP|CIRP)_", re.IGNORECASE)


def flags_of_words() -> dict[str, str]:
    """The flag and its value by each word that a setting takes, as if the word were the flag: `--frozen` is `--clock-mode frozen`."""
    names = [name for name, field in Settings.model_fields.items() if get_origin(field.annotation) is Literal]
    return {flag(word): f"{flag(name)} {word}" for name in names for word in words(name)}


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """One line for each `MOCKCHIRP_*` variable that is no setting, so that a typo does not pass silently, even in the prefix."""
    known = [variable(name) for name in Settings.model_fields]
    return [
        f"{name} is not a setting and is ignored{did_you_mean(name.upper(), known)}"
        for name in sorted(environment)
        if _PREFIX_OR_NEARLY.match(name) and name.upper() not in known
    ]
