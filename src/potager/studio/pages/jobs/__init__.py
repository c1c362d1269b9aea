"""A training job's own page: what it is, its log, its curves, how good its model is; and jobs side by side.

one        the heading, live, and the tab that the address names: ?tab=log
overview   data, algorithm, hyperparameters, machine, times, what came out
log        where its log is (`..streams` reads it), and its last words
curves     BatchGetMetrics, thinned to what a screen can show
advice     what to do about a failure
measures   what each metric says in plain words, and which direction is better
"""

from potager.studio.pages.jobs import compare, curves, log, one

ROUTES = [*log.ROUTES, *curves.ROUTES, *compare.ROUTES, *one.ROUTES]
