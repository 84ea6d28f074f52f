"""What every use of an encoder shares: where its weights are, batches of like length, sentence embeddings."""
