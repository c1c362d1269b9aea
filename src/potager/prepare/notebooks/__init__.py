"""Notebook instances: JupyterLab as a workload of its own, with a folder that stays.

    CreateNotebookInstance, Start ─► row: Pending ─► workload (`images/notebook`) ─► it answers ─► InService
    Stop, or nobody used it       ─► row: Stopping ─► the workload ends ─► Stopped; the folder stays
    Delete                        ─► row: Deleting ─► row and folder are gone

    notebooks/<id>/   in the data folder: what the instance shows, its `/opt/ml/notebooks`
    jobs/nb-<id>/     the workload of one start; goes when that ends

`instances.py` has the operations, `lifecycle.py` decides, `runner.py` acts and is what Studio reaches the instance by.
"""
