"""The command line: `laurel`."""

from importlib import import_module

import click

_COMMANDS = {
    "up": ("app.commands.up", "Start everything on this machine and serve until Ctrl-C."),
    "serve": ("app.commands.serve", "Serve the API."),
    "worker": ("app.commands.worker", "Work in the background, beside whoever serves."),
    "replay": ("app.commands.replay", "Import the purchase log FILE and print what it came to."),
    "verify": ("app.commands.verify", "Replay every journal against its snapshot."),
    "boards": ("app.commands.boards", "Compare the boards in Redis with MongoDB, and build them anew."),
    "program": ("app.commands.program", "Check, compare and apply program files."),
    "token": ("app.commands.credentials", "Print a bearer token for a member or for staff."),
    "apikey": ("app.commands.credentials", "Make, list and revoke the API keys of services."),
}
"""Where each command is, and what the list of commands says of it."""


class _LazyGroup(click.Group):
    """Imports a command when it is used, since all of them together take most of a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the list."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, which imports none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Laurel, a loyalty and gamification backend.

    Settings come from LAUREL_* variables (see docs/operating.md).
    """
