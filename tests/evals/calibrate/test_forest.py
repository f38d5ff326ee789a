"""The forest plot: places on one scale around 0."""

import math
import re

from raysearch.evals.calibrate.forest import forest
from raysearch.evals.calibrate.statistics import Interval


def test_points_lie_on_one_scale_and_intervals_around_them():
    rows = [("a", Interval(0.4, 0.2, 0.6, 9)), ("b", Interval(-0.4, -0.6, -0.2, 9)), ("c", Interval(0.0))]
    html = forest(rows)
    places = [float(x) for x in re.findall(r'cx="([\d.]+)"', html)]
    zero = float(re.search(r'x1="([\d.]+)"[^>]*class="reference"', html)[1])
    assert zero - places[1] > 20 and places[2] == zero
    assert abs(places[0] - zero - (zero - places[1])) < 0.2
    assert html.count('class="line"') == 2  # one without interval has none
    assert "a 0.40" in html and not math.isnan(places[0])
