"""What is a trained encoder? A `Model`: networks, fitted axes, and the file that holds them.

`networks` holds what models are built of, `part` how a network is written down, `model` what one does with it
(encode, steer, decode), `checkpoint` how it goes to disk, `shipped` the models that come with the package. Training,
songs, search and reports call this room; it calls geometry and data.
"""
