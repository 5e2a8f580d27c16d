"""The protocol of the Amazon Connect SDK: the apps, their iframes, and what each of their messages is answered."""
