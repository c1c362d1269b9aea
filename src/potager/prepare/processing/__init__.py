"""Processing jobs: any program over S3 inputs, its outputs put into S3 while it runs or once it has ended.

    jobs ─► row ─► runner ─► lifecycle.decide ─► layout, contract ─► workload ─► outputs
             ▲                                       inputs, configuration           │
             └──────────────── ExitMessage, FailureReason ◄──────────────────────────┘

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""
