"""Builds what is released: the page's folder and the Lambda's zip."""
