"""The generated layer: calls that Schemathesis draws from the contract, each sent in the state in which it is judged.

    coverage   every rule of each request kept and broken
    fuzzing    right and wrong requests by chance, as many as asked for
    walks      calls after calls, as the generation plans them

What is drawn depends on the seed alone, and is sent by our own client, one call at a time.
"""
