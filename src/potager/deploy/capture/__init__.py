"""Captured data: a sample of what an endpoint was asked and answered, as JSON Lines in S3.

    Route ─► Recorder.watch: a draw, then memory ─► every few seconds an object for each variant and hour
             terms: what to keep, and where         lines: a request and its answer as AWS writes them

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""
