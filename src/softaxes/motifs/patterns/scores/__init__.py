"""How well was it found? Discovery, retrieval and phrase labels, each scored on bare arrays."""
