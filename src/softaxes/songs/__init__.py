"""A model on whole files: songs cut into windows and read from them (`tiling`), encoded and decoded (`codec`), steered
(`steer`, `steer_file`), and folders of them (`folder`). Commands and the explorer call this room; it calls model and
data.
"""
