"""An ordinary SDK v2 program: a scikit-learn model of one's own, deployed. Prints what it saw as JSON on its last line.

Its arguments: the artifact, made elsewhere, for this interpreter has no scikit-learn.
"""

import json
import sys
from pathlib import Path

import numpy as np
import sagemaker
from sagemaker.deserializers import JSONDeserializer
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
model = SKLearnModel(
    model_data=session.upload_data(sys.argv[1], key_prefix="artifact"),
    role=sagemaker.get_execution_role(),
    entry_point="inference.py",
    framework_version="1.4-2",
    py_version="py3",
    sagemaker_session=session,
)
predictor = model.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
predicted = predictor.predict(np.array([[1.0, 2.0], [3.0, 4.0]]))
predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
row = predictor.predict([5.0, 6.0])
predictor.delete_model()
predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
image = model.serving_image_uri(session.boto_region_name, "ml.m5.large")
print(json.dumps({"image": image, "predicted": predicted.tolist(), "row": row}))
