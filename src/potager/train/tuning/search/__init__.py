"""The strategies of hyperparameter tuning: what to try next, what to give up, when to end.

```
request ─► spaces, plans ─► Plan ┐
                                 ├─► propose ──► Proposal, or None: nothing is left
trials: values, states, curves ──┼─► hopeless ─► stop this trial
                                 └─► finished ─► the job is complete, and why
```

Functions of plain data: no rows, no clock, no files. Everything is worked out from the plan and the trials, every
time, so that a server may be killed between any two calls; the same plan and trials give the same answer.

`ranges` and `spaces` are what may be tried, `proposals` says whose turn it is, `draws` picks at random and counts
grids, `bayesian` learns (by `encoding` and `process`), `hyperband` and `median` give up, `completion` ends,
`automatic` chooses what a request leaves open. docs/how-to/tune-strategies.md tells users.
"""

from __future__ import annotations

from potager.train.tuning.search.completion import converged, finished, not_improving
from potager.train.tuning.search.plans import plan_of
from potager.train.tuning.search.proposals import count, propose
from potager.train.tuning.search.spaces import Space
from potager.train.tuning.search.stopping import hopeless
from potager.train.tuning.search.trials import Criteria, Plan, Proposal, Trial

__all__ = [
    "Criteria",
    "Plan",
    "Proposal",
    "Space",
    "Trial",
    "converged",
    "count",
    "finished",
    "hopeless",
    "not_improving",
    "plan_of",
    "propose",
]
