"""The management of webhooks (chirp-api.md section 6)."""

from mockchirp.api.models import CreateWebhook, UpdateWebhook
from mockchirp.api.operation import Request
from mockchirp.core.webhooks import check_events, check_headers, check_url, public_webhook
from mockchirp.http import parse_model


def create_webhook(request: Request) -> object:
    """POST /v1/webhooks."""
    sandbox = request.sandbox
    body = parse_model(CreateWebhook, request.body)
    _check(request, body)
    return public_webhook(sandbox.notifier.add(body.url, body.events, body.headers), sandbox.app_id)


def list_webhooks(request: Request) -> object:
    """GET /v1/webhooks: oldest first."""
    sandbox = request.sandbox
    data = [public_webhook(webhook, sandbox.app_id) for webhook in sandbox.notifier.webhooks.values()]
    return {"data": data, "totalCount": len(data)}


def get_webhook(request: Request) -> object:
    """GET /v1/webhooks/{webhookId}."""
    return public_webhook(request.sandbox.notifier.get(request.path["webhookId"]), request.sandbox.app_id)


def update_webhook(request: Request) -> object:
    """PUT /v1/webhooks/{webhookId}: what is left out stays."""
    sandbox = request.sandbox
    webhook = sandbox.notifier.get(request.path["webhookId"])
    body = parse_model(UpdateWebhook, request.body)
    _check(request, body)
    return public_webhook(sandbox.notifier.update(webhook.id, **body.model_dump(exclude_unset=True)), sandbox.app_id)


def delete_webhook(request: Request) -> object:
    """DELETE /v1/webhooks/{webhookId}."""
    request.sandbox.notifier.delete(request.path["webhookId"])
    return {"message": "Webhook deleted"}


def _check(request: Request, body: CreateWebhook | UpdateWebhook) -> None:
    strict = request.sandbox.policy.strict
    given = body.model_fields_set
    if "url" in given:
        check_url(body.url, strict=strict)
    if "events" in given:
        check_events(body.events)
    if "headers" in given:
        check_headers(body.headers)
