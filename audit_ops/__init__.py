"""The tools of those who operate a trail: the `audit` command, and pytest fixtures with a deployed trail."""
