"""A run whose clock stands still between Moves: the toy executor with pools to show, and what to run on it."""

from dataclasses import replace

from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Observer, Task
from raysearch.moves import Kernel, Outcome, digest
from raysearch.prompts import Prompt
from raysearch.search import STRATEGIES
from tests.toy import Toy

STEPS = 10
NOISY = Kernel("ddim_eta", 0.7)
NFE_S, SCORE_S = 0.5, 0.02  # what a network evaluation takes on the clock, and a preview on a reward replica


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Ticking(Toy):
    """Every NFE takes NFE_S on the clock. load_s: for so long no generator is alive.

    pace: how many times longer a Move takes, by the number executed before.
    """

    def __init__(self, clock, load_s=0.0, extra=None, pace=lambda done: 1.0, **options):
        super().__init__(**options)
        self.clock, self.load_s, self.extra, self.pace, self.busy_s = clock, load_s, extra or {}, pace, 0.0

    def ready(self, timeout):
        if self.load_s > 0:
            self.clock.now += min(self.load_s, 1.0)
            self.load_s -= 1.0
            return []
        return [(ticket, self._timed(answer)) for ticket, answer in super().ready(timeout)]

    def _timed(self, answer):
        if not isinstance(answer, Outcome):
            return answer
        took = NFE_S * answer.cost.nfe * self.pace(len(self.executed) - 1)
        self.clock.now += took
        self.busy_s += took
        return replace(answer, cost=replace(answer.cost, generate_s=took, reward_s=SCORE_S * answer.cost.reward_calls))

    def status(self):
        pool = {"replicas": 2, "alive": 2, "busy": 1, "queue": len(self._jobs), "restarts": 0}
        if self.load_s > 0:
            pool |= {"alive": 0, "busy": 0, "placing": 0, "placed": 1, "loading": 1}
        return {"generators": pool | {"busy_s": self.busy_s} | self.extra, "rewards": pool | {"busy_s": 0.0}}


def searches(count, name="best_of_n", **options):
    """So many Tasks of one strategy; seed k for the k-th."""
    made = []
    for k in range(count):
        prompt = Prompt(f"p{k:03d}", "a ball")
        search = STRATEGIES[name](k, STEPS, **options)
        made.append(Task(prompt.id, prompt, search, digest(["toy", prompt.id])))
    return made


class Watch(Observer):
    """An observer that calls back after every wait."""

    def __init__(self, call):
        self.call = call

    def on_wait(self, ledger, status):
        self.call(ledger)


def drive(folder, executor, tasks, *observers, **options):
    coordinator = Coordinator(executor, Journal(str(folder), {}), observers, **options)
    return coordinator.run(tasks), coordinator
