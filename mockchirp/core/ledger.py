"""The ledger of webhook deliveries: which there are, what is due, and what is forgotten (chirp-api.md section 6, "Delivery")."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mockchirp.core.deliveries import MOST_PENDING, Attempt, Delivery, Dispatch, Outcome, Sent
from mockchirp.core.events import Event, EventLog
from mockchirp.core.timeline import AttemptDelivery, Timeline
from mockchirp.core.webhooks import Webhook

MOST_AT_ONCE = 10_000
"""So many may fall due in one go, however few are kept: what one jump of the clock brings about is told to every webhook."""
MOST_BYTES_AT_ONCE = 256 << 20
"""And so much may their bodies be, however few bytes are kept."""
_SHARE = 64
"""A bound may be passed by one part in so many, so that forgetting comes in batches."""


class Ledger:
    """Every delivery of a sandbox with its attempts, and the outbox of what is due now.

    The newest ``kept`` are kept, as far as their bodies and those of the answers have at most ``bytes_kept``; a body that many
    share counts once. Finished ones are forgotten first; when too many wait (see :data:`MOST_PENDING`), the
    oldest of these are abandoned and forgotten. What is being opened, in the outbox or under way stays, whatever the bounds.

    Retrying is scheduling: a failed attempt puts the next one on the timeline, ``schedule[n - 1]`` ms after attempt
    number n.
    """

    def __init__(
        self, timeline: Timeline, events: EventLog, schedule: Sequence[int], kept: int, bytes_kept: int = 64 << 20
    ) -> None:
        self._timeline = timeline
        self._events = events
        self._schedule = schedule
        self._kept = kept
        self._bytes_kept = bytes_kept
        self._look_at = kept + kept // _SHARE
        self._look_at_bytes = bytes_kept
        self._ended = 0
        """How many have come to their end since something was forgotten."""
        self._bodies = SharedBytes()
        self._deliveries: dict[str, Delivery] = {}
        self._of_call: dict[str, dict[str, Delivery]] = {}
        self._held: list[Delivery] = []
        self._outbox: list[Dispatch] = []
        self._sent = 0
        self._handed_out = 0
        self.count = 0
        """How many deliveries there ever were."""
        self._queued: set[str] = set()
        self.given_up = 0
        """How many deliveries were abandoned because too many waited."""

    def __iter__(self) -> Iterator[Delivery]:
        """Every kept delivery, oldest first."""
        return iter(self._deliveries.values())

    def __reversed__(self) -> Iterator[Delivery]:
        """Every kept delivery, newest first."""
        return reversed(self._deliveries.values())

    def of_call(self, call_id: str) -> list[Delivery]:
        """The kept deliveries of one call, oldest first."""
        return list(self._of_call.get(call_id, {}).values())

    def open(self, webhook: Webhook, event: Event, event_id: str, body: bytes) -> Delivery:
        """Enter the delivery of ``event`` to ``webhook``. Its first attempt is still to be made or scheduled."""
        self.count += 1
        delivery = Delivery(
            id=f"dlv_{self.count}",
            webhook_id=webhook.id,
            event=event.type,
            event_id=event_id,
            call_id=event.call_id,
            body=body,
            created_at=event.at,
            order=self._timeline.reserve(),
        )
        self._keep(delivery)
        return delivery

    def repeat(self, original: Delivery, webhook: Webhook, now: int) -> Delivery:
        """Send the event of a delivery once more, as a delivery of its own that has one attempt, due at once."""
        self.count += 1
        delivery = replace(
            original,
            id=f"dlv_{self.count}",
            webhook_id=webhook.id,
            created_at=now,
            order=self._timeline.reserve(),
            status="pending",
            attempts=[],
            injected=(),
            redelivery_of=original.id,
        )
        self._keep(delivery)
        self.attempt(delivery, webhook, now)
        return delivery

    def copy(self, original: Delivery, webhook: Webhook, now: int, fault_id: str) -> Delivery:
        """A duplicate of a delivery, with the same body and eventId and attempts of its own, the first due at once."""
        self.count += 1
        delivery = replace(
            original,
            id=f"dlv_{self.count}",
            order=self._timeline.reserve(),
            attempts=[],
            injected=(f"duplicate of {original.id} by {fault_id}",),
        )
        self._keep(delivery)
        self.attempt(delivery, webhook, now)
        return delivery

    def get(self, delivery_id: str) -> Delivery | None:
        """A kept delivery."""
        return self._deliveries.get(delivery_id)

    def attempt(self, delivery: Delivery, webhook: Webhook, now: int, *, alone: bool = False) -> None:
        """Put the next attempt into the outbox, for where the webhook points now; ``alone`` if it waits for no other of its
        call.
        """
        if delivery.held_by is not None:
            self._forget_held(delivery)
        delivery.url = webhook.url
        delivery.headers = (("Content-Type", "application/json"), *webhook.headers.items())
        self._send(delivery, now, alone)

    def attempt_now(self, delivery: Delivery, webhook: Webhook, now: int) -> None:
        """Make the next attempt at once, instead of when it would be due: somebody asks for it."""
        self._timeline.withdraw(delivery.id)
        self.attempt(delivery, webhook, now, alone=True)

    def _send(self, delivery: Delivery, now: int, alone: bool = False) -> None:
        self._sent += 1
        alone = alone or delivery.redelivery_of is not None
        delivery.sent = Sent(now, delivery.url, self._events.last, self._sent, alone)
        self._outbox.append(
            Dispatch(
                delivery_id=delivery.id,
                attempt=len(delivery.attempts) + 1,
                url=delivery.url,
                headers=delivery.headers,
                body=delivery.body,
            )
        )

    def restore(self, deliveries: Iterable[Delivery], count: int, now: int) -> None:
        """Take up an exported ledger, in place of what there is. An attempt that was under way is due again: nobody knows
        what came of it, and delivery is at least once.
        """
        self._deliveries, self._of_call, self._bodies = {}, {}, SharedBytes()
        shared: dict[bytes, bytes] = {}
        for delivery in deliveries:
            delivery.body = shared.setdefault(delivery.body, delivery.body)
            self._enter(delivery)
        self._held = sorted((held for held in self if held.held_by is not None), key=lambda held: held.order)
        self._outbox = []
        self.count = count
        under_way = [(delivery.sent.number, delivery) for delivery in self if delivery.sent is not None]
        for _, delivery in sorted(under_way, key=lambda pair: pair[0]):
            self._send(delivery, now)

    def postpone(self, delivery: Delivery, at: int) -> None:
        """Make the first attempt at the instant ``at`` only."""
        self._timeline.schedule(at, AttemptDelivery(delivery.id), delivery.order)

    def hold_back(self, delivery: Delivery, fault_id: str, behind: int, until: int) -> None:
        """Make the first attempt only when those of the next ``behind`` deliveries to the same webhook are over, or at the
        instant ``until`` if they have not come by then.
        """
        delivery.held_by, delivery.behind = fault_id, behind
        self._held.append(delivery)
        self._timeline.schedule(until, AttemptDelivery(delivery.id))

    def is_holding(self, webhook_id: str, fault_id: str) -> bool:
        """Whether a fault holds a delivery to this webhook back already."""
        return any(held.held_by == fault_id and held.webhook_id == webhook_id for held in self._held)

    def let_pass(self, passed: Delivery) -> list[Delivery]:
        """The first attempt of ``passed`` is over: those that were held back behind it and have waited for enough now."""
        free = []
        for held in self._held:
            if held.webhook_id == passed.webhook_id and held.order < passed.order:
                held.behind -= 1
                if held.behind == 0:
                    free.append(held)
        for held in free:
            self._timeline.cancel(held.id)
        return free

    def take_outbox(self) -> list[Dispatch]:
        """What is due to be sent now, in order; each attempt is handed out once."""
        taken, self._outbox = self._outbox, []
        self._handed_out = self._sent
        return taken

    @property
    def queued(self) -> int:
        """How many attempts wait for a place."""
        return len(self._queued)

    def queue(self, dispatch: Dispatch) -> Delivery | None:
        """An attempt that was handed out waits for a place; its delivery, or None if it was given up meanwhile. From now
        on, it can be given up as long as :meth:`depart` has not been called.
        """
        delivery = self._deliveries.get(dispatch.delivery_id)
        if delivery is None or delivery.sent is None:
            return None
        if delivery.status != "pending":
            delivery.sent = None
            return None
        self._queued.add(delivery.id)
        return delivery

    def depart(self, delivery: Delivery) -> None:
        """The attempt that was queued is under way: its outcome will be recorded, or it is handed back."""
        self._queued.discard(delivery.id)

    def abandon(self, webhook_id: str) -> None:
        """Give up every pending delivery to a webhook: no further attempt is made, not even one that is due."""
        for delivery in self._deliveries.values():
            if delivery.webhook_id == webhook_id and delivery.status == "pending":
                self._give_up(delivery)
        self._clear_outbox()

    def hand_back(self, dispatch: Dispatch) -> None:
        """Take back an attempt of which nothing came, not even a failure: it is due again, unless it was given up."""
        delivery = self._deliveries[dispatch.delivery_id]
        assert delivery.sent is not None, "only an attempt that was sent comes back"
        if delivery.status == "abandoned":
            delivery.sent = None
            return
        self._sent += 1
        delivery.sent = delivery.sent._replace(number=self._sent)
        self._outbox.append(dispatch)

    def record(self, dispatch: Dispatch, outcome: Outcome, now: int) -> Delivery:
        """Enter what came of an attempt at the instant ``now``: it is delivered, tried again later, or exhausted."""
        delivery = self._deliveries[dispatch.delivery_id]
        assert delivery.sent is not None, "only an attempt that was sent has an outcome"
        sent, delivery.sent = delivery.sent, None
        retry_at = None
        if outcome.succeeded:
            delivery.status = "delivered"
        elif delivery.status == "abandoned":
            pass  # its webhook was deleted while this attempt was under way
        elif dispatch.attempt <= len(self._schedule) and delivery.redelivery_of is None:
            retry_at = now + self._schedule[dispatch.attempt - 1]
            self._timeline.schedule(retry_at, AttemptDelivery(delivery.id), delivery.order)
        else:
            delivery.status = "exhausted"
        delivery.attempts.append(Attempt(dispatch.attempt, sent.at, sent.url, outcome, retry_at, sent.after_event))
        self._bodies.add(outcome.body)
        self._ended += delivery.status != "pending"
        is_over = len(self._deliveries) > self._kept or self._bodies.size > self._bytes_kept
        if is_over and self._ended * _SHARE >= len(self._deliveries):
            self._make_room(delivery)
        return delivery

    def _forget_held(self, delivery: Delivery) -> None:
        delivery.held_by, delivery.behind = None, 0
        self._held = [held for held in self._held if held is not delivery]

    def _keep(self, delivery: Delivery) -> None:
        self._enter(delivery)
        if len(self._deliveries) > self._look_at or self._bodies.size > self._look_at_bytes:
            self._make_room(delivery)

    def _enter(self, delivery: Delivery) -> None:
        self._deliveries[delivery.id] = delivery
        self._of_call.setdefault(delivery.call_id, {})[delivery.id] = delivery
        self._bodies.add_all(delivery)

    def _forget(self, delivery: Delivery) -> None:
        del self._deliveries[delivery.id]
        of_call = self._of_call[delivery.call_id]
        del of_call[delivery.id]
        if not of_call:
            del self._of_call[delivery.call_id]
        self._bodies.remove_all(delivery)

    def _make_room(self, newest: Delivery) -> None:
        """Forget what there is too much of, but not ``newest``, which is being opened or has just been recorded."""
        for delivery in list(self._deliveries.values()):
            if len(self._deliveries) <= self._kept and self._bodies.size <= self._bytes_kept:
                break
            if delivery.status != "pending" and delivery.sent is None and delivery is not newest:
                self._forget(delivery)
        most = MOST_PENDING * self._kept
        if len(self._deliveries) > most or self._bodies.size > self._bytes_kept:
            waiting = [each for each in self._deliveries.values() if self._waits(each) and each is not newest]
            self._give_up_oldest(waiting, most - self._waits(newest), self._bytes_kept)
            due = [self._deliveries[dispatch.delivery_id] for dispatch in self._outbox]
            self._give_up_oldest(due, max(most, MOST_AT_ONCE), max(self._bytes_kept, MOST_BYTES_AT_ONCE))
            self._clear_outbox()
        self._ended = 0
        count, size = max(self._kept, len(self._deliveries)), max(self._bytes_kept, self._bodies.size)
        self._look_at, self._look_at_bytes = count + count // _SHARE, size + size // _SHARE

    def _give_up_oldest(self, deliveries: list[Delivery], most: int, most_bytes: int) -> None:
        """Abandon and forget the first of these, until there are at most ``most`` with at most ``most_bytes``."""
        bodies = SharedBytes()
        for delivery in deliveries:
            bodies.add_all(delivery)
        for count, delivery in enumerate(deliveries):
            if len(deliveries) - count <= most and bodies.size <= most_bytes:
                break
            bodies.remove_all(delivery)
            self._give_up(delivery)
            self._forget(delivery)
            self.given_up += 1

    def _waits(self, delivery: Delivery) -> bool:
        """Whether it waits for its next attempt or for a place."""
        return delivery.status == "pending" and (delivery.sent is None or delivery.id in self._queued)

    def _give_up(self, delivery: Delivery) -> None:
        delivery.status = "abandoned"
        if delivery.id in self._queued or self._is_in_outbox(delivery):
            self._queued.discard(delivery.id)
            delivery.sent = None
        self._timeline.cancel(delivery.id)
        if delivery.held_by is not None:
            self._forget_held(delivery)

    def _clear_outbox(self) -> None:
        """Take out what was given up."""
        due = [(dispatch, self._deliveries.get(dispatch.delivery_id)) for dispatch in self._outbox]
        self._outbox = [dispatch for dispatch, delivery in due if delivery is not None and delivery.sent is not None]

    def _is_in_outbox(self, delivery: Delivery) -> bool:
        return delivery.sent is not None and delivery.sent.number > self._handed_out


class SharedBytes:
    """How many bytes the bodies of deliveries and of the answers to them have; one that many share counts once."""

    def __init__(self) -> None:
        self.size = 0
        self._users: dict[int, int] = {}

    def add(self, body: bytes) -> None:
        """Somebody uses ``body``, and keeps it."""
        users = self._users.get(id(body), 0)
        self._users[id(body)] = users + 1
        if not users:
            self.size += len(body)

    def remove(self, body: bytes) -> None:
        """Somebody who used ``body`` does so no more."""
        users = self._users.pop(id(body)) - 1
        if users:
            self._users[id(body)] = users
        else:
            self.size -= len(body)

    def add_all(self, delivery: Delivery) -> None:
        """Add all the bodies of a delivery."""
        self.add(delivery.body)
        for attempt in delivery.attempts:
            self.add(attempt.outcome.body)

    def remove_all(self, delivery: Delivery) -> None:
        """Remove all the bodies of a delivery."""
        self.remove(delivery.body)
        for attempt in delivery.attempts:
            self.remove(attempt.outcome.body)
