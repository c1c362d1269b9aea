"""How good a model is on every channel that it was given: the evaluation that supervised jobs leave behind.

    Scored (labels, scores) by channel
      ├► counts       what was said against what is so: confusion matrix, accuracy, precision, recall, F1
      ├► ranking      ROC and precision-recall: areas, curves, the threshold of the best F1
      ├► probability  log loss, Brier score, calibration
      ├► regression   R2, errors, quantiles of the residuals
      ├► baselines    what the class prior, the mean and the best single feature reach
      ├► verdict      over, under or good, and why
      └► importance   of features, from the model itself
      ──► document ──► evaluation.json

NumPy alone; every figure is checked against scikit-learn by its tests. docs/reference/evaluation.md has the schema and
the definitions.
"""

from potager.images.evaluation.document import evaluate, save, write
from potager.images.evaluation.importance import importance
from potager.images.evaluation.scored import Scored

__all__ = ["Scored", "evaluate", "importance", "save", "write"]
