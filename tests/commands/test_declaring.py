"""What every topic of the command line declares."""

import argparse
import inspect

import pytest

from raysearch.commands import TOPICS


def declared(topic) -> dict[str, tuple]:
    """The commands that a topic declares, by name: (function, line of help, parser)."""
    found = {}

    def command(name, function, text, *, epilog=None):
        found[name] = function, text, argparse.ArgumentParser(prog=name, epilog=epilog)
        return found[name][2]

    topic.add(command)
    return found


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__.rsplit(".", 1)[-1])
def test_a_command_has_a_line_of_help_and_a_function_of_the_arguments(topic):
    commands = declared(topic)
    assert commands
    for name, (function, text, parser) in commands.items():
        assert text[0].islower() and not text.endswith("."), f"{name}: {text}"
        assert list(inspect.signature(function).parameters) == ["args"] and function.__doc__
        assert [a.dest for a in parser._actions if not a.help] == [], f"{name}: arguments without a line of help"


def test_no_command_is_declared_twice():
    names = [name for topic in TOPICS for name in declared(topic)]
    assert len(names) == len(set(names)) >= 15
