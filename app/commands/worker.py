"""`laurel worker`: work in the background, in processes of its own."""

import asyncio
import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.clock import utc_now
from app.commands.running import command_of, settings_of_environment
from app.live.background import Job, running
from app.operator_error import OperatorError
from app.push.providers.opening import opened_providers
from app.wiring import Laurel, open_existing

log = logging.getLogger(__name__)


@click.group()
def worker() -> None:
    """Work in the background, beside whoever serves."""


@worker.command()
@click.option("--once", is_flag=True, help="Do all that is due now and end, for cron.")
@command_of
async def clock(*, once: bool) -> None:
    """Write what time alone changes, when it is due.

    Points that unlock or expire, tiers that are reviewed, streaks that break, and histories that a program judges
    again. What anybody reads is right without it; it brings the journal up to date. It also writes the notices that
    time gives cause to, such as points about to expire. Any number may run at once.
    `laurel up` runs one, and `laurel serve` does with LAUREL_SERVE_CLOCK=true.
    """
    async with open_existing(settings_of_environment()) as laurel:
        await (_catch_up(laurel) if once else _run(laurel, laurel.clocks(), "the clock runs"))


@worker.command()
@command_of
async def feed() -> None:
    """Bring notices to the feed and its streams.

    It tells broadcasts, gives notices their places, and keeps the streams in Redis.

    `laurel serve` and `laurel up` do so too, each process what it has written itself at once and what others have left
    in a second. This is for where notices are written and nobody serves. Any number may run at once.
    """
    async with open_existing(settings_of_environment()) as laurel:
        await _run(laurel, laurel.feeding(), "the feed runs")


@worker.command()
@command_of
async def push() -> None:
    """Tell members on their devices.

    Notices are sent by FCM, APNs and Web Push, as docs/push.md says.

    Without any credentials, and with LAUREL_PUSH_LOG=true, pushes are logged and not sent. Any number may run at once;
    they share the work.
    """
    settings = settings_of_environment()
    async with opened_providers(settings) as providers, open_existing(settings) as laurel:
        kinds = ", ".join(sorted(providers))
        await _run(laurel, {"push": laurel.push.worker(providers).run}, f"pushes are sent to devices of kind {kinds}")


@worker.command()
@command_of
async def webhooks() -> None:
    """Send webhooks to other systems.

    What members are told is sent to the endpoints that staff have made, as docs/webhooks.md says. What one did not take
    is tried again for days. Any number may run at once; they share the endpoints.
    """
    async with open_existing(settings_of_environment()) as laurel, laurel.webhooks.pool() as pool:
        await _run(laurel, {"webhooks": laurel.webhooks.worker(pool).run}, "webhooks are sent")


async def _run(laurel: Laurel, jobs: Mapping[str, Job], begun: str) -> None:
    """Run these jobs until a signal says stop.

    Raises:
        OperatorError: the embedded MongoDB has ended.
    """
    with _told_to_stop() as stop:
        ends = {asyncio.create_task(laurel.servers.watch()), asyncio.create_task(stop.wait())}
        try:
            async with running(jobs):
                log.info(begun)
                ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in ended:
                each.result()
        finally:
            for each in ends:
                each.cancel()
            await asyncio.wait(ends)


async def _catch_up(laurel: Laurel) -> None:
    """Do all that is due, with a progress bar.

    Raises:
        OperatorError: a signal said stop before all was done, or some members could not be handled.
        StoreUnavailable: a store did not answer in time.
    """
    until = utc_now()
    columns = (TextColumn("Letting time pass"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with (
        _told_to_stop() as stop,
        Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=False) as bar,
    ):
        task = bar.add_task("members", total=await laurel.clock.count_due(until))
        working = asyncio.create_task(laurel.clock.catch_up(until, lambda members: bar.advance(task, members)))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.wait({working, stopping})
    done = f"time has passed for {laurel.clock.handled:,} members and made {laurel.clock.records:,} records"
    if working.cancelled():
        raise OperatorError(f"{done}; told to stop before all was done, so run it again")
    working.result()
    await laurel.notice_clock.catch_up(until)
    click.echo(done)
    if laurel.clock.aside:
        raise OperatorError(
            f"{laurel.clock.aside:,} members could not be handled, as the log says; look into them with: laurel verify"
        )


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and Ctrl-C set within the block."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
