"""Every hyperparameter of PCA.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-reference.html
"""

from __future__ import annotations

from potager.images.algorithm.hyperparameters import Catalogue, Parameter, choice, flag, positive

CATALOGUE = Catalogue(
    "pca",
    (
        Parameter("num_components", "int", None, "Number of components. Required.", low=1, required=True),
        positive("feature_dim", "int", "auto", "Number of features; checked against the data when given.", "auto"),
        choice(
            "algorithm_mode",
            "regular",
            "regular: exact, by the covariance matrix. randomized: by a sketch, for very many features.",
            "regular",
            "randomized",
        ),
        Parameter(
            "extra_components",
            "int",
            -1,
            "Directions beside num_components that randomized mode follows; -1: the larger of 10 and num_components.",
            low=-1,
        ),
        positive("mini_batch_size", "int", 500, "Taken and without effect: the model does not depend on batches."),
        flag("subtract_mean", True, "Whether the mean is subtracted, in training and in inference."),
    ),
)
