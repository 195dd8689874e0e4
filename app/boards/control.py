"""The control hash: which generation of the boards is current, which one is being built, and how often was written."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.boards import scripts
from app.boards.calls import Call
from app.boards.names import Names
from app.boards.wire import Wire

CONTROL_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Control:
    """What the hash says. ``writes`` only grows, so a smaller number than was seen means that Redis went back."""

    epoch: str | None
    current: int | None
    building: int | None
    writes: int

    @property
    def targets(self) -> tuple[str | None, int | None, int | None]:
        """What decides where a placing is written."""
        return self.epoch, self.current, self.building

    @classmethod
    def parse(cls, answer: Sequence[bytes | None]) -> "Control | None":
        """The hash as the scripts answer it; None where there is none."""
        epoch, current, building, writes = answer
        if writes is None:
            return None
        return cls(
            epoch=epoch.decode() if epoch else None,
            current=int(current) if current else None,
            building=int(building) if building else None,
            writes=int(writes),
        )


class ControlHash:
    """Reads and changes the control hash. Every change is fenced by the number of the generation.

    Each method raises ``StoreUnavailable`` where Redis does not answer.
    """

    def __init__(self, wire: Wire, names: Names) -> None:
        self._wire, self._names = wire, names

    @property
    def read_call(self) -> Call:
        """The call that reads it, for a pipeline."""
        return Call(scripts.READ_CONTROL, (self._names.control,))

    @property
    def count_call(self) -> Call:
        """The call that counts a write and reads it, for a pipeline."""
        return Call(scripts.COUNT_WRITE, (self._names.control,))

    async def read(self) -> Control | None:
        """What it says now; None where Redis has been emptied."""
        return Control.parse(await self._wire.run_one(self.read_call, CONTROL_TIMEOUT_SECONDS))

    async def begin(self, generation: int) -> bool:
        """Announce that a generation is being built and plant its canaries; False if a newer one is there."""
        if not await self._run(scripts.BEGIN, generation):
            return False
        await self._wire.run(self._canaries(scripts.PLANT, generation), CONTROL_TIMEOUT_SECONDS)
        return True

    async def abandon(self, generation: int) -> None:
        """Take back that this generation is being built."""
        await self._run(scripts.ABANDON, generation)

    async def swap(self, generation: int, epoch: str, least_writes: int) -> bool:
        """Make the generation that is being built the current one; False, and no change, if it is not that one."""
        return await self._run(scripts.SWAP, generation, epoch, least_writes)

    async def alive(self, generation: int) -> bool:
        """Whether no server has lost what belongs to this generation, as far as its canaries tell."""
        return all(await self._wire.run(self._canaries(scripts.ALIVE, generation), CONTROL_TIMEOUT_SECONDS))

    async def fingerprint(self) -> str:
        """What changes when a server is started anew or replaced."""
        return await self._wire.fingerprint(CONTROL_TIMEOUT_SECONDS)

    async def clean(self) -> None:
        """Delete the generations that are neither current nor being built."""
        control = await self.read()
        kept = {control.current, control.building} - {None} if control else set()
        newest = max((generation for generation in kept if generation is not None), default=0)
        async for name in self._wire.names(self._names.every_generation):
            generation = self._names.generation_of(name)
            # One that is newer than what was read has just been begun.
            if generation is not None and generation not in kept and generation < newest:
                await self._wire.unlink([name])

    async def _run(self, script: scripts.Script, *arguments: str | int) -> bool:
        return bool(await self._wire.run_one(Call(script, (self._names.control,), arguments), CONTROL_TIMEOUT_SECONDS))

    def _canaries(self, script: scripts.Script, generation: int) -> Sequence[Call]:
        return [Call(script, (name,)) for name in self._names.canaries(generation)]
