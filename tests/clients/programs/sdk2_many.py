"""An ordinary SDK v2 program: many models behind one endpoint. Prints what it saw as JSON on its last line.

Its arguments: artifacts, made elsewhere, for this interpreter has no scikit-learn.
"""

import json
import sys
from pathlib import Path

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearnModel

SCRIPT = """
import os
import joblib

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""

session = sagemaker.Session()
Path("inference.py").write_text(SCRIPT)
prefix = f"s3://{session.default_bucket()}/many/"
model = SKLearnModel(
    model_data=prefix,
    role=sagemaker.get_execution_role(),
    entry_point="inference.py",
    framework_version="1.4-2",
    py_version="py3",
    sagemaker_session=session,
)
many = MultiDataModel(name="many", model_data_prefix=prefix, model=model, sagemaker_session=session)
predictor = many.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=CSVSerializer(),
    deserializer=JSONDeserializer(),
    wait=False,
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
added = [many.add_model(artifact, f"{number}/model.tar.gz") for number, artifact in enumerate(sys.argv[1:])]
listed = sorted(many.list_models())
predicted = {name: predictor.predict([1.0, 2.0], target_model=name) for name in listed}
predictor.delete_endpoint()
session.delete_model("many")
print()  # the SDK ends its line of dashes without a line feed
print(json.dumps({"added": added, "listed": listed, "predicted": predicted}))
