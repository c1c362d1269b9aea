"""What each algorithm is for, in words for whoever chooses one: a few lines beside the image's own catalogue.

Hyperparameters, libraries and metrics are the image's to tell (`compute/catalog.py`); here stands what no program needs
to know. A new algorithm is an entry here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from potager.compute.catalog import REPOSITORIES, Image
from potager.images.algorithm.hyperparameters import Catalogue


@dataclass(frozen=True)
class Channel:
    """A channel that an algorithm reads.

    required : whether no job begins without it.
    labelled : whether its rows have labels though the algorithm needs none.
    """

    name: str
    help: str
    required: bool = False
    labelled: bool = False


@dataclass(frozen=True)
class Algorithm:
    """An algorithm with a form of its own.

    Parameters
    ----------
    repository : of its image. registry : of AWS's image, in us-east-1. tag : the version that the form asks for.
    title : what people call it. labelled : whether it learns from labels.
    purpose : what it is for, a sentence. rows : what a row of its data looks like.
    channels : what it reads. common : the hyperparameters that one looks at first.
    given : what the form proposes for hyperparameters that are required or matter at once.
    numbers : whether every cell of its CSV has to be a number, the label's included.
    width : the hyperparameter that says how many features a row has, "" where it may be left out.
    """

    repository: str
    title: str
    labelled: bool
    purpose: str
    rows: str
    channels: Sequence[Channel]
    common: Sequence[str]
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    numbers: bool = True
    width: str = ""
    registry: str = "382416733822.dkr.ecr.us-east-1.amazonaws.com"
    tag: str = "1"

    @property
    def uri(self) -> str:
        """The image as a client names it."""
        return f"{self.registry}/{self.repository}:{self.tag}"

    @property
    def image(self) -> Image:
        return Image(self.repository, REPOSITORIES[self.repository])

    @cached_property
    def catalogue(self) -> Catalogue:
        found = self.image.hyperparameters()
        assert found is not None, self.repository
        return found

    def missing(self) -> str:
        """What to install before it can run here, "" where it can."""
        return self.image.missing()

    def content_type(self, channel: str, found: str) -> str:
        """A channel's content type, with what this algorithm has to be told of labels."""
        if found != "text/csv" or self.labelled:
            return found
        return f"{found};label_size={int(any(one.labelled for one in self.channels if one.name == channel))}"

    @property
    def learns(self) -> str:
        return "Supervised: learns from labels" if self.labelled else "Unsupervised: needs no labels"


_TRAIN = Channel("train", "The rows to learn from.", required=True)
_VALIDATION = Channel("validation", "Rows that it does not learn from: they say how good each round really is.")
_TEST = Channel("test", "Rows that are scored once, at the end.")
_LABEL_FIRST = "CSV of numbers without a header line, the label in the first column."
_FEATURES = "CSV of numbers without a header line and without labels."

ALGORITHMS: Sequence[Algorithm] = (
    Algorithm(
        "sagemaker-xgboost",
        "XGBoost",
        True,
        "Boosted trees: the first thing to try on a table, for classes as well as numbers.",
        f"{_LABEL_FIRST} An empty cell is a missing value.",
        (_TRAIN, _VALIDATION),
        ("objective", "num_class", "eval_metric", "eta", "max_depth", "subsample", "early_stopping_rounds", "seed"),
        {"num_round": "100", "objective": "binary:logistic"},
        registry="683313688378.dkr.ecr.us-east-1.amazonaws.com",
        tag="1.7-1",
    ),
    Algorithm(
        "linear-learner",
        "Linear learner",
        True,
        "A weighted sum of the columns: quick, easy to explain, and the yardstick for everything else.",
        _LABEL_FIRST,
        (_TRAIN, _VALIDATION, _TEST),
        ("num_classes", "epochs", "mini_batch_size", "learning_rate", "l1", "wd", "positive_example_weight_mult"),
        {"predictor_type": "binary_classifier"},
    ),
    Algorithm(
        "lightgbm",
        "LightGBM",
        True,
        "Boosted trees that grow leaf by leaf: quick on large tables, and takes categories as they are.",
        "CSV without a header line, the target in the first column. An empty cell is a missing value.",
        (_TRAIN, _VALIDATION),
        ("objective", "num_boost_round", "metric", "learning_rate", "num_leaves", "early_stopping_rounds"),
        numbers=False,
        registry="000000000000.dkr.ecr.us-east-1.amazonaws.com",
    ),
    Algorithm(
        "catboost",
        "CatBoost",
        True,
        "Boosted trees made for categories: often good before any hyperparameter is touched.",
        "CSV without a header line, the target in the first column. An empty cell is a missing value.",
        (_TRAIN, _VALIDATION),
        ("objective", "iterations", "eval_metric", "learning_rate", "depth", "early_stopping_rounds", "random_seed"),
        numbers=False,
        registry="000000000000.dkr.ecr.us-east-1.amazonaws.com",
    ),
    Algorithm(
        "knn",
        "Nearest neighbours",
        True,
        "Answers as the most similar known rows do. Scale the columns first, for it goes by distance.",
        _LABEL_FIRST,
        (_TRAIN, _TEST),
        ("index_metric", "index_type", "dimension_reduction_type", "dimension_reduction_target"),
        {"k": "10", "predictor_type": "classifier", "sample_size": "200000"},
        width="feature_dim",
    ),
    Algorithm(
        "factorization-machines",
        "Factorization machines",
        True,
        "For wide, mostly empty data such as who clicked what: learns how pairs of columns act together.",
        f"RecordIO-protobuf, or {_LABEL_FIRST}",
        (_TRAIN, _TEST),
        ("epochs", "mini_batch_size", "linear_lr", "factors_lr"),
        {"num_factors": "10", "predictor_type": "binary_classifier"},
        width="feature_dim",
    ),
    Algorithm(
        "kmeans",
        "K-means",
        False,
        "Sorts rows into k groups of similar ones, such as kinds of customers.",
        _FEATURES,
        (_TRAIN, _TEST),
        ("epochs", "init_method", "extra_center_factor"),
        {"k": "5"},
    ),
    Algorithm(
        "pca",
        "Principal components",
        False,
        "Says the same with fewer columns: to look at data, or before another algorithm.",
        _FEATURES,
        (_TRAIN, _TEST),
        ("algorithm_mode", "subtract_mean"),
        {"num_components": "2"},
    ),
    Algorithm(
        "randomcutforest",
        "Random cut forest",
        False,
        "Gives each row a score of how unusual it is: fraud, faults, odd days.",
        _FEATURES,
        (_TRAIN, Channel("test", "Rows with a label first, 1 for unusual: scored once, at the end.", labelled=True)),
        ("num_trees", "num_samples_per_tree"),
        width="feature_dim",
    ),
    Algorithm(
        "ipinsights",
        "IP Insights",
        False,
        "Learns which internet addresses somebody uses, and notices sign-ins from elsewhere.",
        "CSV of two columns without a header line: who, and the IPv4 address.",
        (_TRAIN, _VALIDATION),
        ("epochs", "learning_rate", "mini_batch_size"),
        {"num_entity_vectors": "20000", "vector_dim": "128"},
        numbers=False,
    ),
)
"""In the order in which one would try them."""

BY_REPOSITORY = {one.repository: one for one in ALGORITHMS} | {"xgboost": ALGORITHMS[0]}


@dataclass(frozen=True)
class Framework:
    """An image for a script of one's own. tag : AWS's for the script's side of the contract."""

    repository: str
    title: str
    tag: str

    @property
    def uri(self) -> str:
        registry = "683313688378" if self.repository.startswith("sagemaker-") else "763104351884"
        return f"{registry}.dkr.ecr.us-east-1.amazonaws.com/{self.repository}:{self.tag}"

    def missing(self) -> str:
        """What to install before it can run here, "" where it can."""
        return Image(self.repository, REPOSITORIES[self.repository]).missing()


FRAMEWORKS = (
    Framework("sagemaker-scikit-learn", "scikit-learn", "1.2-1-cpu-py3"),
    Framework("sagemaker-xgboost", "XGBoost", "1.7-1"),
    Framework("pytorch-training", "PyTorch", "2.3-cpu-py311"),
)
"""What runs a script of the user's from the form."""
