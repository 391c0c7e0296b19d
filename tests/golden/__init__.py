"""The golden run: what the product does today, so that a restructuring can show that it still does the same.

Cases are driven through the REST API of whole stacks (one with rules, one with a fake DashScope that gives recorded
answers) and, for what the API doesn't show, through functions of generation-service (`functions.py`, the only module
that imports a service). Each case becomes one JSON document without ids, times and secrets; `expected.txt` holds the
SHA-256 of each. Commands, from the top folder:

    make golden                   compare with expected.txt; the same as the tests here, without pytest
    make golden TEXTS=folder      also write every case's document into folder/<case-id>.json
    make golden RECORD=1          write expected.txt anew, after a change of behaviour that is meant

To see what a change did: `make golden TEXTS=before` on the old commit, `make golden TEXTS=after` on the new one,
`diff -r before after`. A case stands alone: one that changes leaves the hashes of all others as they are.
"""
