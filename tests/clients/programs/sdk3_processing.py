"""An ordinary SDK v3 program: a FrameworkProcessor, and a job as a resource. Prints what it saw as JSON at its end."""

import json
import os

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.processing import FrameworkProcessor
from sagemaker.core.resources import ProcessingJob
from sagemaker.core.s3 import S3Downloader
from sagemaker.core.shapes import (
    AppSpecification,
    ProcessingClusterConfig,
    ProcessingOutput,
    ProcessingResources,
    ProcessingS3Output,
    ProcessingStoppingCondition,
)

session = Session()
role = get_execution_role(session)
image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
home = f"s3://{session.default_bucket()}/v3-processing"
processor = FrameworkProcessor(
    image_uri=image,
    command=["python3"],
    role=role,
    instance_type="ml.m5.large",
    instance_count=1,
    sagemaker_session=session,
)
target = ProcessingS3Output(s3_uri=home, local_path="/opt/ml/processing/report", s3_upload_mode="EndOfJob")
processor.run(
    code="report.py",
    source_dir=os.path.join(os.path.dirname(__file__), "sdk2_processing"),
    outputs=[ProcessingOutput(output_name="report", s3_output=target)],
    arguments=["--depth", "3"],
    wait=False,
    logs=False,
)
processor.latest_job.wait(poll=1)

job = ProcessingJob.create(
    processing_job_name="v3-resource",
    role_arn=role,
    app_specification=AppSpecification(image_uri=image, container_entrypoint=["python3", "-c", "raise KeyError('a')"]),
    processing_resources=ProcessingResources(
        cluster_config=ProcessingClusterConfig(instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=5)
    ),
    stopping_condition=ProcessingStoppingCondition(max_runtime_in_seconds=300),
)
try:
    job.wait(poll=1)
    said = "completed"
except Exception as error:
    said = str(error)
print()
print(json.dumps({"report": json.loads(S3Downloader.read_file(f"{home}/report.json", session)), "said": said}))
