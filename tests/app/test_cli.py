"""The list of commands, which is made without importing them."""

import click
import pytest
from click.testing import CliRunner

from app.cli import main

TERMINAL_COLUMNS = 80


def groups() -> list[list[str]]:
    """The ways to all groups of commands."""
    context = click.Context(main)
    found = [(name, main.get_command(context, name)) for name in main.list_commands(context)]
    return [[], *([name] for name, command in found if isinstance(command, click.Group))]


def test_the_list_says_of_each_command_what_the_command_says_of_itself() -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout.partition("Commands:\n")[2].splitlines()
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]
    said = [(one.name, one.get_short_help_str(TERMINAL_COLUMNS)) for one in commands if one is not None]
    assert [tuple(line.split(maxsplit=1)) for line in listed] == said


@pytest.mark.parametrize("group", groups())
def test_the_lists_of_commands_fit_a_terminal(group: list[str]) -> None:
    listed = CliRunner().invoke(main, [*group, "--help"], terminal_width=TERMINAL_COLUMNS)
    assert listed.exit_code == 0
    assert "..." not in listed.stdout.partition("Commands:")[2]
    assert all(len(line) <= TERMINAL_COLUMNS for line in listed.stdout.splitlines())


def test_a_command_that_there_is_not_is_refused() -> None:
    refused = CliRunner().invoke(main, ["nonsense"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "No such command 'nonsense'" in refused.stderr
