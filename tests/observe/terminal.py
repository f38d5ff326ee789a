"""Run as a script on a terminal: the observers of a job over the toy executor, slowly enough to be drawn."""

import sys
import time

from raysearch import config
from raysearch.observe import watching
from tests.observe.case import Watch, drive, searches
from tests.toy import Toy

job = config.load("jobs/demo.yaml", ["cluster.executor=inline"])
with watching(job, sys.argv[1], 6, {}, time.time()) as (view, others):
    drive(sys.argv[1], Toy(), searches(6, n=3), view, *others, Watch(lambda ledger: time.sleep(0.05)))
print("after it")
