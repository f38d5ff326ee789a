"""The values of a card."""

from raysearch.cards import BySize, Card, Stated, stated


def test_a_value_by_size_follows_the_shorter_side():
    shift = Stated(BySize(3.0, 5.0), "somewhere")
    assert shift.at(480, 832) == shift.at(1280, 544) == shift.at(None, None) == 3.0
    assert shift.at(720, 1280) == shift.at(1280, 704) == 5.0


def test_a_plain_value_is_the_same_at_every_size():
    assert Stated(7.0, "somewhere").at(720, 1280) == 7.0


def test_several_values_of_one_source():
    values = stated("somewhere", steps=5, call__decode_timestep=0.05)
    assert values["steps"].value == 5 and values["call.decode_timestep"].source == "somewhere"


def test_a_card_is_named_by_its_first_model():
    assert Card(("a/b", "a/c"), "WanPipeline", {}).name == "a/b"
