"""The Ray executor: two pools of actors, one of generators and one of rewards."""
