"""What is trained: low-rank changes of chosen projections (LoRA, LoHa, LoKr), or the weights themselves."""
