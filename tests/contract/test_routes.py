"""The routes of the application are the operations of the contract, both ways."""

from mockchirp.api.routes import DOWNLOADS, OPERATIONS


def test_every_route_is_an_operation_and_every_operation_a_route(contract):
    """Method, path and operationId agree."""
    routes = {(operation.id, operation.method, operation.path) for operation in OPERATIONS}
    routes |= {(operation_id, method, path) for method, path, operation_id, _ in DOWNLOADS}
    operations = set()
    for name, pointer in contract.operations.items():
        _, _, path, method = pointer.split("/")
        operations.add((name, method.upper(), path.replace("~1", "/")))

    assert routes == operations


def test_every_route_knows_its_body_and_its_success(contract):
    """What the table says of bodies and of the status of a success is what the contract says."""
    for operation in OPERATIONS:
        definition = contract.at(contract.operations[operation.id])
        body = definition.get("requestBody")
        described = "none" if body is None else "required" if body.get("required") else "optional"
        assert operation.body == described, operation.id
        assert [status for status in definition["responses"] if status < "300"] == [str(operation.status)], operation.id


def test_every_route_knows_who_may_ask_and_whether_it_is_documented(contract):
    """An administrator or an app; and what is assumed is what a strict server leaves out."""
    for operation in OPERATIONS:
        definition = contract.at(contract.operations[operation.id])
        security = definition.get("security", contract.document["security"])
        assert security == [{"adminKey" if operation.admin else "appKey": []}], operation.id
        assert operation.documented == (definition["x-provenance"] == "documented"), operation.id
    for _, _, operation_id, documented in DOWNLOADS:
        definition = contract.at(contract.operations[operation_id])
        assert documented == (definition["x-provenance"] == "documented"), operation_id


def test_webhooks_and_applications_are_counted_apart(contract):
    """The routes of the webhooks' tag and of the configuration's have limits of their own; all others share one."""
    buckets = {"Webhooks": "webhooks", "Configuration": "applications"}
    for operation in OPERATIONS:
        (tag,) = contract.at(contract.operations[operation.id])["tags"]
        assert operation.bucket == buckets.get(tag, "general"), operation.id
