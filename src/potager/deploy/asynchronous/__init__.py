"""Asynchronous inference: requests that wait in rows, and whose answers are objects in S3.

    InvokeEndpointAsync ─► a row ─► Queue ─► an instance, when one is free ─► an object ─► a notice to SNS ─► no row
      requests.py                  queue.py     delivery.py                               notices.py

A request is acknowledged once its row is committed. A server that is killed leaves the row, and the next one goes on
with it: an answer that was stored is found again and not asked for twice.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""
