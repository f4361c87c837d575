"""Whether the receivers of webhooks are well: said in the log when one begins to fail, and when it has recovered.

Nobody who sees no webhook arrive should have to ask for the log's details first. But a receiver that is down is one fact, however
many attempts meet it: it is said once, and what is remembered is bounded. Of a URL, only scheme, host, port and path are shown:
the rest may be a secret.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import urlsplit

from mockchirp.core.deliveries import Attempt, Delivery, Outcome

MOST_KNOWN = 1_000
"""URLs that have failed and are remembered; the one that was heard of least recently is forgotten."""
MOST_TOLD = 5
"""How often it is said of one URL that it fails: more would be noise of one that comes and goes."""

_log = logging.getLogger("mockchirp.receivers")


@dataclass(slots=True)
class _Trouble:
    is_failing: bool = False
    told: int = 0


class Receivers:
    """What is known of the URLs that webhooks are sent to."""

    def __init__(self) -> None:
        self._troubles: OrderedDict[str, _Trouble] = OrderedDict()

    def __len__(self) -> int:
        """How many URLs are remembered."""
        return len(self._troubles)

    def note(self, app_id: str, delivery: Delivery, attempt: Attempt) -> None:
        """An attempt to deliver a webhook of an application is over."""
        trouble = self._troubles.get(attempt.url)
        if attempt.outcome.succeeded:
            if trouble is not None and trouble.is_failing:
                trouble.is_failing = False
                self._tell(trouble, app_id, delivery, attempt)
            return
        if trouble is None:
            trouble = self._troubles[attempt.url] = _Trouble()
            if len(self._troubles) > MOST_KNOWN:
                self._troubles.popitem(last=False)
        self._troubles.move_to_end(attempt.url)
        if not trouble.is_failing:
            trouble.is_failing = True
            trouble.told += 1
            self._tell(trouble, app_id, delivery, attempt)

    def _tell(self, trouble: _Trouble, app_id: str, delivery: Delivery, attempt: Attempt) -> None:
        if trouble.told > MOST_TOLD:
            return
        outcome = attempt.outcome
        fields = {
            "event": "webhook_failing" if trouble.is_failing else "webhook_recovered",
            "sandbox": app_id,
            "call": delivery.call_id,
            "delivery": delivery.id,
            "webhookEvent": delivery.event,
            "receiver": shown(attempt.url),
            "attempt": attempt.number,
            "status": outcome.status,
            "error": outcome.error,
        }
        if not trouble.is_failing:
            _log.warning("webhooks to %(receiver)s arrive again", fields, extra={"fields": fields})
            return
        fields["help"] = _help(outcome)
        last = " It comes and goes; no more is said of it." if trouble.told == MOST_TOLD else ""
        _log.warning(
            "a webhook to %(receiver)s failed: %(error)s. %(help)s. "
            "GET /_mockchirp/deliveries/%(delivery)s shows each attempt; further failures are not repeated here.%(last)s",
            {**fields, "last": last},
            extra={"fields": fields},
        )


def shown(url: str) -> str:
    """Scheme, host, port and path of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path[:200]}"


_BY_WORD = (
    (
        "refused by",
        "Start the application, or correct the webhook's URL (in a container, localhost is the container itself)",
    ),
    ("was not found", "Correct the host in the webhook's URL; mockchirp has to know it by that name"),
    ("mismatch", "Give the webhook's URL a host that the certificate is for"),
    ("has expired", "Renew the receiver's certificate"),
    ("certificate", "Name the authority of a certificate of your own in SSL_CERT_FILE, or use http"),
    ("no TLS", "Use http in the webhook's URL if the application speaks no TLS"),
    ("within", "Answer 200 first and do the work afterwards, or raise --webhook-timeout"),
)
"""What would help against failures whose words say so."""


def _help(outcome: Outcome) -> str:
    """What would help, in words."""
    status = outcome.status or 0
    if 201 <= status < 300:
        return "Answer with 200"
    if 300 <= status < 400:
        return "Give the webhook the URL that the redirect leads to"
    if status in (401, 403):
        return "Give the webhook the header that the application asks for, in its headers"
    if status in (404, 405):
        return "Correct the path in the webhook's URL: it has to take a POST"
    if status >= 400:
        return "The application's own log says why"
    error = outcome.error or ""
    return next(
        (advice for word, advice in _BY_WORD if word in error), "See that the application listens there for HTTP"
    )
