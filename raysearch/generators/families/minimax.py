"""MiniMax-H3, which diffusers has as a modular pipeline only."""

REFUSED = {
    "MiniMaxH3ModularPipeline": "it is a modular pipeline: its loop is a block, whose steps nothing here drives yet",
}
