"""A generator whose network fails on one prompt, so that its search fails and the others do not."""

from examples import clockwork


def load(config, device):
    return Broken(config.steps, float(config.fps))


class Broken(clockwork.Clockwork):
    def on(self, prompt):
        return Failing(self.steps, self.fps) if prompt.text == "broken" else self


class Failing(clockwork.Clockwork):
    def denoise(self, x, k, *more, **options):
        raise RuntimeError("no memory left")
