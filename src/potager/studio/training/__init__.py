"""Training jobs by form: what algorithms there are, their controls, what a form asks for, and the same as code.

algorithms ─► controls ─► a form's fields ─► asked.request ─► CreateTrainingJob
                               ▲                  └─► code.as_code
           a job ─► asked.like ┘
"""
