"""The webmail: pages by which people read and write their own mail, over the same core as every
API. One file a subject.

A page decodes, makes its core calls and renders a template; no rule of mail lives here. Whose mail
it is says the session alone: no path and no form names an account.
"""
