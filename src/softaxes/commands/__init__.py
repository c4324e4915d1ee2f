"""The command line: `cli` finds the command, one thin file each parses, calls and prints. Nothing imports this room."""
