"""SDK v3's core resources, one after the other. Prints what it saw as JSON on its last line."""

import io
import json
import sys

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob, TransformJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    ContainerDefinition,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    StoppingCondition,
    TransformDataSource,
    TransformInput,
    TransformOutput,
    TransformResources,
    TransformS3DataSource,
)

session, seen = Session(), {}
bucket, role = session.default_bucket(), get_execution_role(session)
image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
s3 = session.boto_session.client("s3")


def train(name, *command):
    return TrainingJob.create(
        training_job_name=name,
        algorithm_specification=AlgorithmSpecification(
            training_image=image, training_input_mode="File", container_entrypoint=list(command)
        ),
        role_arn=role,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/resources"),
        resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
    )


done = train("v3-done", "python", "-c", "print('trained')")
done.wait(poll=1)
held = train("v3-held", "sleep", "300")
held.stop()
held.wait(poll=1)
seen["jobs"] = {job.training_job_name: job.refresh().training_job_status for job in TrainingJob.get_all()}
try:
    TrainingJob.get(training_job_name="v3-absent")
except Exception as error:
    seen["absent"] = str(error)

s3.upload_file(sys.argv[1], bucket, "resources/model.tar.gz")
model = Model.create(
    model_name="v3-model",
    primary_container=ContainerDefinition(image=image, model_data_url=f"s3://{bucket}/resources/model.tar.gz"),
    execution_role_arn=role,
)
s3.upload_fileobj(io.BytesIO(b"1,2\n3,4\n"), bucket, "resources/in/rows.csv")
transform = TransformJob.create(
    transform_job_name="v3-transform",
    model_name="v3-model",
    transform_input=TransformInput(
        data_source=TransformDataSource(
            s3_data_source=TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/resources/in/")
        ),
        content_type="text/csv",
        split_type="Line",
    ),
    transform_output=TransformOutput(s3_output_path=f"s3://{bucket}/resources/out", assemble_with="Line"),
    transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1),
)
config = EndpointConfig.create(
    endpoint_config_name="v3-config",
    production_variants=[
        ProductionVariant(
            variant_name="all", model_name="v3-model", initial_instance_count=1, instance_type="ml.m5.large"
        )
    ],
)
endpoint = Endpoint.create(endpoint_name="v3-endpoint", endpoint_config_name="v3-config")
endpoint.wait_for_status("InService", poll=1)
answer = endpoint.invoke(body=b"1,2\n", content_type="text/csv", accept="application/json")
seen["answer"] = json.loads(answer.body.read())
seen["listed"] = [each.endpoint_name for each in Endpoint.get_all(name_contains="v3")]
endpoint.delete()
endpoint.wait_for_delete(poll=1)
config.delete()

transform.wait(poll=1)
seen["transform"] = transform.refresh().transform_job_status
lines = s3.get_object(Bucket=bucket, Key="resources/out/rows.csv.out")["Body"].read().decode().split()
seen["transformed"] = lines
model.delete()
print()
print(json.dumps(seen))
