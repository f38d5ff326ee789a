"""The flags of commands that estimate."""

import argparse
import math

import pytest

from raysearch.commands.pace import add_pace, given


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_pace(parser)
    return parser.parse_args(words)


def test_without_a_flag_nothing_is_given():
    args = parsed()
    assert given(args) is None and (args.gpu, args.mfu, args.gpus_per_node) == ("H100", 0.45, 8)


def test_what_is_given_is_known_and_the_rest_is_not():
    pace = given(parsed("--seconds-per-decode", "3"))
    assert pace.decode_s == 3.0 and math.isnan(pace.evaluation_s) and math.isnan(pace.score_s)


@pytest.mark.parametrize(
    "words", [("--mfu", "0"), ("--mfu", "1.1"), ("--gpus-per-node", "0"), ("--seconds-per-nfe", "-1")]
)
def test_what_cannot_be_meant_is_refused(words):
    with pytest.raises(SystemExit):
        parsed(*words)
