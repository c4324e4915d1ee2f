"""What is learned from? Random blobs, real music, and the files through which both come in and go out.

`blobs` is the toy world's law, `music` reads MIDI and ABC onto a grid and cuts windows, `files` writes whole files or
none. Every room above may call this one; it calls only geometry.
"""
