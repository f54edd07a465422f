"""Application log groups → audit log group."""
