"""An ordinary SDK v3 program: who am I, where is my bucket. Prints what it saw as JSON on its last line."""

import json

from sagemaker.core.helper.session_helper import Session, get_execution_role

session = Session()
print(
    json.dumps(
        {"bucket": session.default_bucket(), "account": session.account_id(), "role": get_execution_role(session)}
    )
)
