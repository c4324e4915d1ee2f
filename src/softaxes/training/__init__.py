"""How does a model learn? The loop that runs any task, and the tasks.

`task` is the protocol, `loop` runs it (devices, checkpoints, resume), `machine` says where, `progress` and `tracking`
show how far. `tasks.blobs` and `tasks.music` say what is learned. Calls model, losses and data; commands and reports
call it.
"""
