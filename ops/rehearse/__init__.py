"""`python deploy.py rehearse`: releases against an AWS that is made on this machine.

rehearsal.py runs the real commands, local_aws.py is the AWS; moto and cfn-lint's data are needed, which are development packages.
"""
