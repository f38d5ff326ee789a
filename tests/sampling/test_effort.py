"""What a Move took: gradients are counted, and the decode of a view goes into its Outcome."""

import numpy as np

from raysearch.executors.outcomes import outcome
from raysearch.sampling import workers
from raysearch.sampling.effort import CountingCritic, Effort


def test_calls_of_a_critic_are_counted_and_answered_as_before():
    asked = []

    def critic(view, through_context=True):
        asked.append(through_context)
        return 1.5, view * 2

    counted, view = CountingCritic(critic), np.ones((1, 3, 2, 2), np.float32)
    assert counted(view)[0] == 1.5 and np.array_equal(counted(view, False)[1], view * 2)
    assert counted.calls == 2 and asked == [True, False]


def test_the_decode_of_a_view_goes_into_the_outcome():
    made = outcome("k", Effort(nfe=3, seconds=2.0, decode="taew2_1"), {"flicker": 0.5}, 1.0)
    assert made.decode == "taew2_1" and made.cost.nfe == 3 and made.reward == 0.5
    assert outcome("k", Effort(), {}, 0.0).decode == "" and workers.Made is Effort
