"""Models compiled at load: the same answers, by a program that is made for one row at a time.

    model ─► forest.Forest ─► onnxfile.written ─► engine.Engine      ONNX Runtime, else GTIL, else the model's own
                                     │
             parity.compare ◄────────┘      both answer the same rows; one that differs is not used

A library that trains takes a hundred microseconds and more to begin with a row; the row itself takes ten. Images ask
`choice.wanted()` whether to compile at all. ONNX files are written here and not by a converter: those write some
objectives wrongly and without a word, and need two more packages in the memory of each worker.
"""
