"""Who is told of what: the webhooks of a sandbox, and the deliveries that events lead to (chirp-api.md section 6)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mockchirp.core.deliveries import Delivery
from mockchirp.core.errors import Conflict, NotFound
from mockchirp.core.faults import Fault, Faults
from mockchirp.core.ids import check_id
from mockchirp.core.instants import format_duration, format_milli
from mockchirp.core.ledger import Ledger
from mockchirp.core.recorder import Recorder
from mockchirp.core.voicemails import public_voicemail
from mockchirp.core.webhooks import Webhook, check_url
from mockchirp.core.world import Occurrence, World

MOST_COPIES = 1_000
"""So many duplicates are made of one event, for all webhooks together: each is work that holds everybody up."""


class Notifier:
    """The webhooks of a sandbox. ``origin`` is where the links in their bodies point to; ``faults`` may disturb them."""

    def __init__(self, world: World, recorder: Recorder, app_id: str, origin: str, faults: Faults) -> None:
        self.webhooks: dict[str, Webhook] = {}
        self.origin = origin
        policy = world.policy
        self.deliveries = Ledger(
            world.timeline, world.events, policy.retry_schedule, policy.deliveries_kept, policy.bodies_kept
        )
        self._world = world
        self._recorder = recorder
        self._faults = faults
        self._app_id = app_id
        self._copies_left = MOST_COPIES
        world.listeners.append(self._tell)

    def add(self, url: str, events: Iterable[str], headers: Mapping[str, str]) -> Webhook:
        """Tell ``url`` of every event named in ``events`` from now on, with ``headers`` added to each request.

        Raise :class:`Conflict` if there are as many webhooks as there may be.
        """
        if len(self.webhooks) >= self._world.policy.max_webhooks:
            raise Conflict(f"there are {len(self.webhooks)} webhooks, which is the most: delete one first")
        now = self._world.now
        webhook = Webhook(self._world.ids.new("webhook", now), url, tuple(events), dict(headers), now, now)
        self.webhooks[webhook.id] = webhook
        return webhook

    def get(self, webhook_id: str) -> Webhook:
        """The webhook with this id; raise :class:`InvalidRequest` if it is none, :class:`NotFound` if it is unknown."""
        webhook = self.webhooks.get(webhook_id)
        if webhook is None:
            check_id("webhook", webhook_id, "webhookId")
            raise NotFound(f"No such webhook: {webhook_id}", param="webhookId", sought=webhook_id)
        return webhook

    def update(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Iterable[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Webhook:
        """Change what is given. Retries that are pending go to the new URL, with the new headers."""
        webhook = self.get(webhook_id)
        webhook.url = webhook.url if url is None else url
        webhook.events = webhook.events if events is None else tuple(events)
        webhook.headers = webhook.headers if headers is None else dict(headers)
        webhook.updated_at = self._world.now
        return webhook

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook; its pending retries are abandoned."""
        webhook = self.get(webhook_id)
        del self.webhooks[webhook.id]
        self.deliveries.abandon(webhook.id)

    def retry(self, delivery_id: str) -> None:
        """The next attempt of a delivery is due."""
        delivery = self.deliveries.get(delivery_id)
        if delivery is not None and (webhook := self.webhooks.get(delivery.webhook_id)) is not None:
            self.deliveries.attempt(delivery, webhook, self._world.now)

    def let_follow(self, delivery: Delivery) -> None:
        """The first attempt of a delivery is over: what was held back behind it follows."""
        for held in self.deliveries.let_pass(delivery):
            self.deliveries.attempt(held, self.webhooks[held.webhook_id], self._world.now)

    def delivery(self, delivery_id: str) -> Delivery:
        """The delivery with this id; raise :class:`NotFound` if there is none, or none any more."""
        delivery = self.deliveries.get(delivery_id)
        if delivery is None:
            raise NotFound(f"No such delivery: {delivery_id[:80]}", param="deliveryId", sought=delivery_id)
        return delivery

    def redeliver(self, delivery_id: str, url: str | None = None) -> Delivery:
        """Send the same body and eventId again: to ``url``, else where the webhook points now.

        A delivery that is pending is tried now instead of at its next instant, held back or postponed as it may be; its retries
        go on, where the webhook points. Any other is repeated by a delivery of its own, which is tried once. Raise
        :class:`Conflict` on a delivery that is being sent, and on one whose webhook is deleted if no ``url`` is given.
        """
        delivery = self.delivery(delivery_id)
        if delivery.sent is not None:
            raise Conflict(
                f"attempt {len(delivery.attempts) + 1} of {delivery.id} is being sent already; "
                "a delivery can be sent again when its attempt is over"
            )
        if url is not None:
            check_url(url, strict=self._world.policy.strict)
        webhook = self._target(delivery, url)
        if delivery.status != "pending":
            return self.deliveries.repeat(delivery, webhook, self._world.now)
        self.deliveries.attempt_now(delivery, webhook, self._world.now)
        return delivery

    def _target(self, delivery: Delivery, url: str | None) -> Webhook:
        """Where a delivery goes when it is sent again; raise :class:`Conflict` if nobody knows."""
        now = self._world.now
        webhook = self.webhooks.get(delivery.webhook_id)
        if webhook is not None:
            return webhook if url is None else replace(webhook, url=url)
        if url is None:
            raise Conflict(
                f"{delivery.webhook_id}, the webhook of {delivery.id}, is deleted: say with url where to send it",
                param="url",
            )
        own = {name: value for name, value in delivery.headers if name != "Content-Type"}  # every attempt gets that
        return Webhook(delivery.webhook_id, url, (), own, now, now)

    def _tell(self, occurrence: Occurrence) -> None:
        event = occurrence.event
        listeners = [webhook for webhook in self.webhooks.values() if event.type in webhook.events]
        if not listeners:
            return
        event_id = self._event_id(occurrence)
        body = self._body(occurrence, event_id)
        self._copies_left = MOST_COPIES
        for webhook in listeners:
            delivery = self.deliveries.open(webhook, event, event_id, body)
            if not self._faults.deliveries or not self._disturb(delivery, webhook):
                self.deliveries.attempt(delivery, webhook, event.at)

    def _disturb(self, delivery: Delivery, webhook: Webhook) -> bool:
        """Let the first fault that matches a new delivery do its work; False if the delivery is sent as ever."""
        now, ledger = self._world.now, self.deliveries
        fault = self._faults.hit_delivery(
            delivery.event, delivery.call_id, now, lambda fault: ledger.is_holding(webhook.id, fault.id)
        )
        if fault is None:
            return False
        if fault.drop:
            delivery.status = "dropped"
            delivery.injected = (f"dropped by {fault.id}",)
        elif fault.reorder:
            delivery.injected = (f"held back behind {fault.reorder} by {fault.id}",)
            ledger.hold_back(delivery, fault.id, fault.reorder, now + self._world.policy.reorder_limit)
        elif fault.delay is not None:
            delivery.injected = (f"delayed {format_duration(fault.delay)} by {fault.id}",)
            ledger.postpone(delivery, now + fault.delay)
        else:
            ledger.attempt(delivery, webhook, now)
            delivery.injected = (self._duplicate(delivery, webhook, fault),)
        return True

    def _duplicate(self, delivery: Delivery, webhook: Webhook, fault: Fault) -> str:
        """Make the copies that a fault asks for, as far as there is room; what was done, in words."""
        count = min(fault.duplicate, self._copies_left)
        self._copies_left -= count
        copies = [self.deliveries.copy(delivery, webhook, self._world.now, fault.id).id for _ in range(count)]
        done = f"duplicated as {', '.join(copies)}" if copies else "not duplicated"
        if count < fault.duplicate:
            done += f" ({count} of {fault.duplicate} times: an event is duplicated {MOST_COPIES} times at most)"
        return f"{done} by {fault.id}"

    def _event_id(self, occurrence: Occurrence) -> str:
        subject = occurrence.voicemail or occurrence.recording or occurrence.call
        return f"evt_{subject.id}_{occurrence.suffix}"

    def _body(self, occurrence: Occurrence, event_id: str) -> bytes:
        """The JSON body: what does not apply is left out, not null. Under `--strict`, so is what is assumed."""
        event, call, strict = occurrence.event, occurrence.call, self._world.policy.strict
        shown: dict[str, object] = {
            "id": call.id,
            "direction": call.direction,
            "from": call.from_address,
            "to": call.to_address,
            "fromChannel": call.from_channel,
            "toChannel": call.to_channel,
        }
        if call.livekit_room_name is not None:
            shown["livekitRoomName"] = call.livekit_room_name
        if call.metadata:
            shown["metadata"] = call.metadata
        data: dict[str, object] = {"call": shown, "app": {"id": self._app_id}}
        if not strict:
            shown["status"] = call.status
            if call.duration is not None:
                shown["duration"] = call.duration
            if call.end_reason is not None:
                shown["endReason"] = call.end_reason
            if "participant" in event.data:
                data["participant"] = event.data["participant"]
            if occurrence.voicemail is not None:
                data["voicemail"] = public_voicemail(occurrence.voicemail)
            elif occurrence.recording is not None:
                data["recording"] = self._recorder.show(occurrence.recording, self.origin)
        payload = {"event": event.type, "eventId": event_id, "timestamp": format_milli(event.at), "data": data}
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
