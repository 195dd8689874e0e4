"""The command line: `laurel`."""

import click

from app.commands.credentials import apikey, token
from app.commands.program import program
from app.commands.replay import replay
from app.commands.serve import serve
from app.commands.up import up
from app.commands.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Laurel, a loyalty and gamification backend. Settings come from LAUREL_* variables (see README.md)."""


for command in (up, serve, replay, verify, program, token, apikey):
    main.add_command(command)
