"""The files that `deploy.py new` puts in place of the shipped ones (ops/new_repository.py): one of each kind, to be edited."""
