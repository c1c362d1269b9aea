"""Script mode: the user's own program on an image of ours, told what AWS's `sagemaker-training` toolkit tells it.

    program.of(doc) ─► source.lay_out ─► /opt/ml/code
                    └► arguments, variables ─► argv and environment of the workload ─► failure.reason(log)

The server works all of it out, and the command takes the workload's process over: it is a pure function of the job's
document, and no process of ours stands between keeper and script, so signals, exit code and the order of lines are the
script's own.
"""
