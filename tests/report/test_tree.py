"""Trees of genealogies that are made by hand."""

import math

from raysearch.moves import Outcome, Result
from raysearch.report import tree
from raysearch.report.lineage import Generation, Particle


def test_a_heavy_particle_is_large_and_a_dead_one_faint():
    first = Generation((Particle("a", None, 0.1, 0.9, True), Particle("b", None, 0.5, 0.1, False)), {"ess": 1.2})
    last = Generation((Particle("c", (0, 0), 0.2, math.nan, True), Particle("d", (0, 0), 0.3, math.nan, True)), {})
    result = Result((Outcome("c", 0.2), Outcome("d", 0.3)), 1, (math.log(0.25), math.log(0.75)))
    drawn = str(tree.draw([first, last], result))
    circles = drawn.split("<circle")[1:]
    radius = [float(c.split(' r="')[1].split('"')[0]) for c in circles]
    assert radius[0] > radius[1] and radius[3] > radius[2]
    assert ['class="chosen"' in c for c in circles] == [True, False, False, True]
    assert 'class="gone"' in circles[1] and "ESS 1.2, 1 go on" in drawn and "weight 0.750" in circles[3]
    assert [c.split('fill-opacity="')[1].split('"')[0] for c in circles] == ["0.25", "1.0", "0.25", "1.0"]
