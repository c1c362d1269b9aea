"""What SageMaker's built-in algorithms have in common: the job, its hyperparameters, its tables, its requests.

    job.run(ml, train)
      └► Catalogue.read(hyperparameters) ─► tables.channels ─► the algorithm's own fit ─► its artifact
    body ─► requests.rows_of ─► the algorithm's own predictor ─► answer

An algorithm is a package beside this one. Its `__init__` says what the platform may know without loading numpy
(`METRICS`, `OBJECTIVES`); its `hyperparameters.py` holds the `CATALOGUE` that validates a job, documents the image and
feeds the tuner, and imports no numpy either.
"""
