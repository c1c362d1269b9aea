"""An ordinary SDK v2 program: its four processors. Prints what it saw as JSON on its last line."""

import contextlib
import io
import json
import os

import numpy as np
import sagemaker
from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor

CODE = os.path.join(os.path.dirname(__file__), "sdk2_processing")
session = sagemaker.Session()
common = {
    "role": sagemaker.get_execution_role(),
    "instance_type": "ml.m5.large",
    "instance_count": 1,
    "sagemaker_session": session,
}
python = sagemaker.image_uris.get_base_python_image_uri("us-east-1")
np.savetxt("claims.csv", np.arange(400).reshape(100, 4), delimiter=",", fmt="%d")

sklearn = SKLearnProcessor(framework_version="1.2-1", **common)
sklearn.run(
    code=os.path.join(CODE, "split.py"),
    inputs=[ProcessingInput(source="claims.csv", destination="/opt/ml/processing/input")],
    outputs=[
        ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}", s3_upload_mode=mode)
        for name, mode in (("train", "EndOfJob"), ("test", "Continuous"))
    ],
    arguments=["--test-share", "0.2"],
    wait=False,
)
framework = FrameworkProcessor(estimator_cls=SKLearn, framework_version="1.2-1", **common)
framework.run(
    code="report.py",
    source_dir=CODE,
    outputs=[ProcessingOutput(output_name="report", source="/opt/ml/processing/report")],
    arguments=["--depth", "3"],
    wait=False,
)
script = ScriptProcessor(image_uri=python, command=["python3"], env={"GREETING": "hello"}, **common)
with open("hello.py", "w") as file:
    file.write("import os\nprint(os.environ['GREETING'])\nopen('/opt/ml/output/message', 'w').write('said')\n")
script.run(code="hello.py", wait=False)
plain = Processor(image_uri=python, entrypoint=["python3", "-c", "print('plain')"], **common)
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    plain.run(wait=True, logs=True)
for processor in (sklearn, framework, script):
    session.wait_for_processing_job(processor.latest_job.job_name, poll=1)

outputs = {
    each["OutputName"]: each["S3Output"]["S3Uri"]
    for processor in (sklearn, framework)
    for each in processor.latest_job.describe()["ProcessingOutputConfig"]["Outputs"]
}


def read(name: str, file: str) -> str:
    return S3Downloader.read_file(f"{outputs[name]}/{file}", session)


print()
print(
    json.dumps(
        {
            "rows": {name: len(read(name, f"{name}.csv").split()) for name in ("train", "test")},
            "report": json.loads(read("report", "report.json")),
            "message": script.latest_job.describe()["ExitMessage"],
            "logs": printed.getvalue(),
        }
    )
)
