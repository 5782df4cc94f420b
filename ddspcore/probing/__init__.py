"""Looking into a model without training it: what each loss pulls at, and what it predicts."""
