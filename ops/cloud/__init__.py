"""What talks to AWS: the stack, releases, the doctor, the customers table."""
