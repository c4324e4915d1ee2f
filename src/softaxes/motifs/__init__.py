"""Where does a motif return, and what has become of it? Learned codes and learned mixtures on bare arrays.

likeness, spelling   in how many ways two clips are alike
"""
