"""One thin module a DVC stage: read inputs, call the library, write outputs. Stages never import each other."""
