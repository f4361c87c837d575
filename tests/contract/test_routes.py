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
