"""Words of small jobs for pages: a generator that is arithmetic, a reward that is quick, this process."""

CLOCKWORK = [
    "generator={name: 'examples.clockwork:load', model: clockwork, steps: 8, fps: 8}", "reward=motion", "watch=[]",
    "cluster.executor=inline", "prompts.heldout=0", "films=shown", "latents=none",
]  # fmt: skip
NOISY = ["search.kernel={name: ddim_eta, eta: 0.5}"]
