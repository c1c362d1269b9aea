"""An ordinary SDK v2 program: two models in a row behind one endpoint. Prints what it saw as JSON on its last line.

Its arguments: the artifacts, made elsewhere, for this interpreter has no scikit-learn.
"""

import json
import sys
from pathlib import Path

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.pipeline import PipelineModel
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearnModel

SCALES = """
import os
import joblib

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

def predict_fn(data, model):
    return model.transform(data)
"""

session = sagemaker.Session()
role = sagemaker.get_execution_role()
Path("scales.py").write_text(SCALES)
Path("predicts.py").write_text(SCALES.partition("def predict_fn")[0])
models = [
    SKLearnModel(
        model_data=session.upload_data(artifact, key_prefix=f"pipeline/{script}"),
        role=role,
        entry_point=script,
        framework_version="1.4-2",
        py_version="py3",
        env=environment,
        sagemaker_session=session,
    )
    for script, artifact, environment in (
        ("scales.py", sys.argv[1], {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}),
        ("predicts.py", sys.argv[2], {}),
    )
]
pipeline = PipelineModel(
    models=models, role=role, predictor_cls=Predictor, name="two-in-a-row", sagemaker_session=session
)
predictor = pipeline.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
predicted = predictor.predict([[1.0, 2.0], [3.0, 4.0]], initial_args={"Accept": "application/json"})
containers = session.sagemaker_client.describe_model(ModelName="two-in-a-row")["Containers"]
predictor.delete_endpoint()
pipeline.delete_model()
print()  # the SDK ends its line of dashes without a line feed
print(json.dumps({"predicted": predicted, "programs": [one["Environment"]["SAGEMAKER_PROGRAM"] for one in containers]}))
