"""What the `lightgbm` and `catboost` images have in common: their input, their target, their answers.

    places.places ─► frames.read ─► target.decide ─► split ─► the library ─► artifact
    body ─► requests.rows_of ─► the library ─► responses.body_of

On AWS both are JumpStart's: a table with the target in its first column, `categorical_index.json` beside it, answers
as `{"probabilities": ...}`. Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/InputOutput-LightGBM.html and
.../InputOutput-CatBoost.html.
"""
