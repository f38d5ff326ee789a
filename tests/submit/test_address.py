"""The address of a node in a Slurm job: one that the other nodes reach, whatever `hostname` answers."""

import subprocess
import sys

import pytest

from raysearch.submit import address


def table(**sources):
    """What the kernel would answer towards each name."""
    return lambda name: iter(sources.get(name.replace(".", "_").replace("192_0_2_1", "far"), ()))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"b": ["10.1.0.5"], "far": ["172.17.0.1"]}, "10.1.0.5"),  # the route to the other node wins
        ({"a": ["127.0.1.1"], "b": ["10.1.0.5"]}, "10.1.0.5"),  # Debian's line in /etc/hosts
        ({"b": ["169.254.3.4", "10.1.0.5"]}, "10.1.0.5"),  # a link-local address
        ({"far": ["10.1.0.6"]}, "10.1.0.6"),  # names that are not known here
        ({}, "127.0.0.1"),  # a machine without a network is alone
    ],
)
def test_the_address_is_that_of_the_route_to_the_others(sources, expected):
    assert address.address(["a", "b"], table(**sources)) == expected


def test_the_kernel_is_asked_and_this_machine_is_no_other_node():
    assert list(address.towards("localhost")) == []
    assert list(address.towards("no-such-name.invalid")) == []
    assert list(address.towards("127.0.0.2")) == ["127.0.0.1"]


def test_the_command_prints_one_ipv4_address():
    done = subprocess.run(
        [sys.executable, "-m", "raysearch.submit.address", "localhost"], capture_output=True, text=True
    )
    parts = done.stdout.strip().split(".")
    assert done.returncode == 0 and len(parts) == 4 and all(0 <= int(part) < 256 for part in parts)
