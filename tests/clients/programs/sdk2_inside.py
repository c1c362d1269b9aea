"""A script that uses the sagemaker SDK inside its job. Its Environment names the SDK's own packages in SDK.

Prints what it saw as JSON on its last line. Runs on the server's interpreter; the SDK's packages come last on its path.
"""

import json
import os
import sys

sys.path.append(os.environ["SDK"])

import sagemaker

session = sagemaker.Session()
told = {
    "bucket": session.default_bucket(),
    "account": session.account_id(),
    "role": sagemaker.get_execution_role(),
    "uploaded": session.upload_string_as_file_body("from inside", session.default_bucket(), "inside.txt"),
}
print(json.dumps(told))
