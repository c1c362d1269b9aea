"""Batch transform: a model answers for every record of the objects under a prefix, one output object an input object.

    inputs ─► splitting ─► processing.request ─► crew ─► processing.answer ─► one object `<key>.out`
    (objects)  (batches)      (InputFilter)    (workers)  (join, OutputFilter)

`jobs` holds the operations, `plan` what a request means, `lifecycle` the decisions, `runner` carries a job from its row
to its end, `work` goes through its objects. Source:
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""
