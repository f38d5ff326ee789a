"""From here to a cluster: what would be sent (`sending`, `package`), Ray's Jobs API (`cluster`), Slurm (`slurm`)."""
