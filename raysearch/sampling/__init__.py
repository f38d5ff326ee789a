"""What a replica does to a particle: kernels, guidance, states and Moves."""
