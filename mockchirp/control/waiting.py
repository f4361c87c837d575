"""Waiting (control-api.md, "Seeing and waiting"): the answer is held until a condition is true."""

from mockchirp.control.conditions import AnyCondition, RequestCondition, Wait
from mockchirp.control.journal import check_operation
from mockchirp.control.operation import Request
from mockchirp.control.watches import Matched, Watch, watch
from mockchirp.core.errors import TimedOut
from mockchirp.core.instants import SECOND, format_duration, format_milli
from mockchirp.live import LiveSandbox
from mockchirp.waits import Sought


async def wait(request: Request) -> object:
    """POST /_mockchirp/wait: answers with what matched; 408 if it has not come in time, or as soon as it can't come."""
    body: Wait = request.body
    live = request.live
    sought = live.waits.equal(_Awaited(live, body.condition, expect(request, body.condition, "for")))
    found = await live.hold(sought, body.timeout / SECOND, request.hang_up)
    if found is None:
        watched = sought.watched
        raise TimedOut(f"{watched.missed()} within {format_duration(body.timeout)}: {watched.instead()}")
    return found


class _Awaited(Sought[Matched]):
    """A condition, waited for as long as there is hope."""

    def __init__(self, live: LiveSandbox, condition: AnyCondition, watched: Watch) -> None:
        super().__init__(self._look, watched.topics, condition)
        self.watched = watched
        self._live = live

    def _look(self) -> Matched | None:
        found = self.watched.look()
        if found is None:
            check_possible(self.watched)
            _check_moves(self._live, self.watched)
        return found


def expect(request: Request, condition: AnyCondition, place: str) -> Watch:
    """Begin to watch for a condition, given at ``place`` in the body; raise :class:`InvalidRequest` or :class:`NotFound` if it
    names something that there is not.
    """
    if isinstance(condition, RequestCondition):
        check_operation(request, condition.request.operation, f"{place}.request.operation")
    return watch(request.live, condition, place)


def check_possible(watched: Watch) -> None:
    """Raise :class:`TimedOut` if what is watched for can't come any more."""
    why = watched.hopeless()
    if why is not None:
        raise TimedOut(f"{why}: {watched.instead()}")


def _check_moves(live: LiveSandbox, watched: Watch) -> None:
    """Raise :class:`TimedOut` if what is watched for can't come before somebody moves time."""
    if live.stands_still and watched.needs_time():
        raise TimedOut(
            f"{watched.missed()}, and time stands still: the clock is frozen at {format_milli(live.sandbox.now)} and nothing "
            f"is under way: {watched.instead()}. Move it with POST /_mockchirp/clock/advance, or let it run with "
            'PUT /_mockchirp/clock {"mode": "real"}'
        )
