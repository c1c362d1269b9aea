"""A processing script with a module beside it: writes a report, and calls AWS back to do so."""

import json
import sys

import boto3
from beside import title

with open("/opt/ml/config/processingjobconfig.json") as file:
    job = json.load(file)["ProcessingJobName"]
status = boto3.client("sagemaker").describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"]
report = {"title": title, "arguments": sys.argv[1:], "status": status}
with open("/opt/ml/processing/report/report.json", "w") as file:
    json.dump(report, file)
