"""What a sandbox says in the log because it can't work as it is: once, until it changes."""

import logging

from mockchirp.core.calls import Call
from mockchirp.core.sandbox import Sandbox

_log = logging.getLogger("mockchirp.notices")


class Notices:
    """The notices of one sandbox."""

    def __init__(self) -> None:
        self._is_unheard = False
        self._has_given_up = False

    def note_inbound(self, sandbox: Sandbox, call: Call) -> None:
        """Somebody calls the app, which has to hear of it to take the call."""
        webhooks = sandbox.notifier.webhooks.values()
        if any("calls.initiated" in webhook.events for webhook in webhooks):
            self._is_unheard = False
            return
        if self._is_unheard or call.status != "initiated":
            return
        self._is_unheard = True
        fields = {
            "event": "inbound_call_unheard",
            "sandbox": sandbox.app_id,
            "call": call.id,
            "webhooks": len(webhooks),
        }
        shown = {
            **fields,
            "why": "no webhook is told of calls.initiated" if webhooks else "there is no webhook",
            "what": "add it to the events of one, with PUT /v1/webhooks/{webhookId}"
            if webhooks
            else "make one, with POST /v1/webhooks and the key of this application, or start with --webhook-url",
            "end": "goes to voicemail" if sandbox.configuration.voicemail_enabled else "is refused as busy",
        }
        _log.warning(
            "nobody hears of the inbound call %(call)s to %(sandbox)s: %(why)s; %(what)s. "
            "Without a command, such a call %(end)s after 30 s. This is said once.",
            shown,
            extra={"fields": fields},
        )

    def note_given_up(self, sandbox: Sandbox) -> None:
        """Deliveries were given up because too many waited."""
        if self._has_given_up:
            return
        self._has_given_up = True
        fields = {"event": "deliveries_given_up", "sandbox": sandbox.app_id, "deliveries": sandbox.deliveries.given_up}
        _log.warning(
            "webhook deliveries of %(sandbox)s are given up, oldest first: more wait than deliveries_kept and bodies_kept allow. "
            "The receiver does not keep up, or time stands still; --deliveries-kept and --bodies-kept allow more. "
            "This is said once.",
            fields,
            extra={"fields": fields},
        )
