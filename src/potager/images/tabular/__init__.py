"""A table as people keep it, made into what the built-in algorithms read: a processing job's program.

    python3 -m potager.images.tabular        in a processing job, on the image sagemaker-base-python

    input/    CSV with a header line, or Parquet       output/train, validation, test   label first, numbers, no header
    plan/plan.json   what is wanted (`plan.py`)        output/recipe/recipe.json        what was done, column by column

The table is read three times and never held: to see what each column is, to learn from the training rows what gaps are
filled with and which categories there are, and to write, some thousand rows at a time: of cells that are alike the work
is done once. The standard library does it; Parquet needs pyarrow.
"""
